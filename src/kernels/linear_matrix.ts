/** Variants of the product for matrix units. */
import source from '../../shaders/linear_matrix.wgsl?raw';
import type { Capabilities } from '../gpu/device.ts';
import type { SubgroupMatrixConfig } from '../gpu/subgroup_matrix.ts';
import { FACTOR_LANES } from './linear_gpu.ts';
import { aligned, declareBoth, type LinearVariantEntry } from './linear_kernel.ts';

type Component = 'f16' | 'f32';

/** A workgroup's tile, and how subgroups share it. */
interface MatrixTile {
  readonly rows: number;
  readonly columns: number;
  readonly subRows: number;
  readonly subColumns: number;
}

const LOW: MatrixTile = { rows: 16, columns: 128, subRows: 1, subColumns: 4 };
const SQUARE: MatrixTile = { rows: 64, columns: 64, subRows: 2, subColumns: 2 };
const LARGE: MatrixTile = { rows: 128, columns: 128, subRows: 4, subColumns: 2 };

/** Blocks of four terms in a stage. */
const STEPS: Readonly<Record<Component, number>> = { f16: 8, f32: 4 };
const BYTES: Readonly<Record<Component, number>> = { f16: 2, f32: 4 };
/** Shapes of the vendors' instructions that are known: Apple, Intel, NVIDIA and AMD. */
const KNOWN: Readonly<Record<Component, readonly (readonly [M: number, N: number, K: number])[]>> = {
  f16: [
    [16, 16, 16],
    [8, 16, 16],
    [8, 8, 8],
  ],
  f32: [[8, 8, 8]],
};

function constantsOf(tile: MatrixTile, component: Component, o: Omit<SubgroupMatrixConfig, `${string}Type`>) {
  return {
    MAT_M: o.M,
    MAT_N: o.N,
    MAT_K: o.K,
    SUB_M: tile.subRows,
    SUB_N: tile.subColumns,
    MATS_M: tile.rows / tile.subRows / o.M,
    MATS_N: tile.columns / tile.subColumns / o.N,
    STEPS: STEPS[component],
  };
}

/** The adapter's largest product of a type that is summed in f32 and divides the tiles. One for each adapter: another rounds otherwise. */
export function matrixConfig(caps: Capabilities, component: Component): SubgroupMatrixConfig | undefined {
  const divides = (tile: MatrixTile, c: SubgroupMatrixConfig) =>
    tile.rows % (tile.subRows * c.M) === 0 && tile.columns % (tile.subColumns * c.N) === 0;
  const volume = (c: SubgroupMatrixConfig) => c.M * c.N * c.K;
  return caps.subgroupMatrix?.configs
    .filter((c) => c.componentType === component && c.resultComponentType === 'f32')
    .filter((c) => [LOW, SQUARE, LARGE].every((tile) => divides(tile, c)) && (4 * STEPS[component]) % c.K === 0)
    .toSorted((a, b) => volume(b) - volume(a) || b.M - a.M)[0];
}

function declare(component: Component) {
  const variants = [LOW, SQUARE, LARGE].flatMap((tile) =>
    KNOWN[component].flatMap(([M, N, K]) =>
      [true, false].map((TEMPLATED) => ({ ...constantsOf(tile, component, { M, N, K }), SUBGROUP: 32, TEMPLATED })),
    ),
  );
  return declareBoth(`matrix_${component}`, {
    source,
    entry: 'linear_matrix',
    include: [
      'linear_put',
      ...(component === 'f16' ? ['row_factors'] : []),
      `tile_${component}`,
      { when: 'TEMPLATED', use: 'matrix_calls_templated', otherwise: 'matrix_calls' },
    ],
    features: component === 'f16' ? ['f16', 'subgroupMatrix'] : ['subgroupMatrix'],
    constants: variants[0] ?? {},
    variants,
    workgroup: 128,
  });
}

const kernels = { f16: declare('f16'), f32: declare('f32') };

function storage(tile: MatrixTile, component: Component, { M, N }: SubgroupMatrixConfig): number {
  const stride = 4 * STEPS[component] + 16 / BYTES[component];
  const factors = component === 'f16' ? 4 * tile.rows * FACTOR_LANES : 0;
  return BYTES[component] * stride * (tile.rows + tile.columns) + 4 * tile.subRows * tile.subColumns * M * N + factors;
}

function variant(tile: MatrixTile, component: Component): LinearVariantEntry {
  return {
    order: `matrix_${component}`,
    ...kernels[component],
    unit: 4,
    runsOn(caps) {
      const config = matrixConfig(caps, component);
      // Of a variable size it is not known which lanes are a subgroup.
      if (!config || caps.subgroupMinSize !== caps.subgroupMaxSize || (component === 'f16' && !caps.f16)) return false;
      const lanes = caps.subgroupMaxSize * tile.subRows * tile.subColumns;
      return lanes <= caps.maxInvocations && storage(tile, component, config) <= caps.maxWorkgroupStorage;
    },
    fits: aligned,
    maxRows: tile === LOW ? 16 : 0,
    parts({ m, columns }, caps) {
      const config = matrixConfig(caps, component);
      if (!config) throw new Error(`${caps.adapter} has no product of ${component} matrices`);
      return [
        {
          grid: [Math.ceil((4 * columns) / tile.columns), Math.ceil(m / tile.rows), 1],
          constants: {
            ...constantsOf(tile, component, config),
            SUBGROUP: caps.subgroupMaxSize,
            TEMPLATED: caps.subgroupMatrix?.templated ?? true,
          },
        },
      ];
    },
  };
}

export const MATRIX_VARIANTS = {
  /** Matrix units, named by the type of the numbers that are multiplied, and rows and columns of the tile. */
  matrix_f16_64x64: variant(SQUARE, 'f16'),
  matrix_f16_16x128: variant(LOW, 'f16'),
  matrix_f16_128x128: variant(LARGE, 'f16'),
  matrix_f32_64x64: variant(SQUARE, 'f32'),
  matrix_f32_16x128: variant(LOW, 'f32'),
  matrix_f32_128x128: variant(LARGE, 'f32'),
} satisfies Record<string, LinearVariantEntry>;
