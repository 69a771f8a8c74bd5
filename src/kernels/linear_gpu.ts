/** Variants of the product for GPUs. */
import slices from '../../shaders/linear_slices.wgsl?raw';
import tiles from '../../shaders/linear_tiles.wgsl?raw';
import vector from '../../shaders/linear_vector.wgsl?raw';
import { type Constants, foldGrid } from '../gpu/kernel.ts';
import {
  aligned,
  declareBoth,
  declareLinear,
  EPILOGUE_BINDINGS,
  type LinearPart,
  type LinearVariantEntry,
  sliceSteps,
} from './linear_kernel.ts';

/** Rows and columns of a tile are 4 * QUADS * ROW_LANES and 4 * BLOCKS * COLUMN_LANES. */
interface Tile {
  readonly QUADS: 1 | 2;
  readonly BLOCKS: 1 | 2;
  readonly ROW_LANES: number;
  readonly COLUMN_LANES: number;
  /** Blocks of four terms in a stage. */
  readonly STEPS: number;
}

const TILE_32X64: Tile = { QUADS: 1, BLOCKS: 1, ROW_LANES: 8, COLUMN_LANES: 16, STEPS: 4 };
const TILE_64X64: Tile = { QUADS: 2, BLOCKS: 2, ROW_LANES: 8, COLUMN_LANES: 8, STEPS: 4 };
const TILE_128X64: Tile = { QUADS: 2, BLOCKS: 2, ROW_LANES: 16, COLUMN_LANES: 8, STEPS: 4 };
const TILE_128X128: Tile = { QUADS: 2, BLOCKS: 2, ROW_LANES: 16, COLUMN_LANES: 16, STEPS: 2 };
const TILES = [TILE_32X64, TILE_64X64, TILE_128X64, TILE_128X128];

const constantsOf = (tile: Tile): Constants => ({ ...tile });

const common = {
  source: tiles,
  entry: 'linear_tiles',
  // Counted for the smallest tile; a kernel's own constants say how many lanes it has.
  workgroup: 128,
};

const sequentialTiles = declareBoth('tiles', {
  ...common,
  include: ['linear_product', 'linear_put', 'linear_write_out', 'tile_f32'],
  constants: { ...TILE_32X64, SLICED: false, SPLIT: false },
  variants: TILES.map(constantsOf),
});

const slicedTiles = declareLinear('sliced', 'forward', {
  ...common,
  include: ['linear_product', 'linear_put', 'linear_write_out', 'tile_f32'],
  constants: { ...TILE_32X64, SLICED: true, SPLIT: false },
  variants: TILES.map(constantsOf),
});

const splitTiles = declareLinear('split', 'forward', {
  ...common,
  include: ['linear_product', 'linear_write_partial', 'tile_f32'],
  bindings: { inp: 'read array<vec4f>', weight: 'read weight', partial: 'read_write array<vec4f>' },
  constants: { ...TILE_32X64, SLICED: true, SPLIT: true },
  variants: [TILE_32X64, TILE_64X64].map(constantsOf),
});

const SLICES_LANES = 64;
const addSlices = declareLinear('slices', 'forward', {
  source: slices,
  entry: 'linear_slices',
  include: ['linear_put'],
  bindings: { partial: 'read array<vec4f>', ...EPILOGUE_BINDINGS },
  constants: { WG: SLICES_LANES },
  workgroup: SLICES_LANES,
  // The product's operations are counted where they are done.
  cost: (p) => {
    const rows = p.row_end as number;
    const blocks = rows * (p.columns as number);
    const count = Math.ceil((p.steps as number) / (p.slice as number));
    return { flops: 4 * blocks * count, bytes: 16 * blocks * (count + 1) };
  },
});

const halfTiles = declareBoth('half', {
  ...common,
  include: ['linear_product', 'linear_put', 'linear_write_out', 'row_factors', 'tile_f16'],
  features: ['f16'],
  constants: { ...TILE_32X64, SLICED: false, SPLIT: false },
  variants: TILES.map(constantsOf),
});

const VECTOR_ROWS = [1, 2, 4, 8];
const VECTOR_COLUMNS = 16;
const vectors = declareLinear('vector', 'forward', {
  source: vector,
  entry: 'linear_vector',
  include: ['linear_put'],
  constants: { ROWS: 1 },
  variants: VECTOR_ROWS.map((ROWS) => ({ ROWS })),
  workgroup: 256,
});

/** Numbers that shaders/common/row_factors.wgsl keeps for each row. */
export const FACTOR_LANES = 8;

/** Bytes of workgroup memory: two stages, and for f16 the rows' factors. */
function storage(tile: Tile, bytes: number, factors: number): number {
  const rows = 4 * tile.QUADS * tile.ROW_LANES;
  const columns = tile.BLOCKS * tile.COLUMN_LANES;
  return 2 * 4 * bytes * tile.STEPS * (rows + 4 * (columns + 1)) + 4 * rows * factors;
}

function tileParts(tile: Tile, slicesApart = false): LinearVariantEntry['parts'] {
  return ({ m, columns, steps }): LinearPart[] => {
    const rows = 4 * tile.QUADS * tile.ROW_LANES;
    const z = slicesApart ? Math.ceil(steps / sliceSteps(steps)) : 1;
    const grid = [Math.ceil(columns / (tile.BLOCKS * tile.COLUMN_LANES)), Math.ceil(m / rows), z] as const;
    return [{ grid, constants: constantsOf(tile) }];
  };
}

type Kernels = Pick<LinearVariantEntry, 'order' | 'forward' | 'backward'>;

function tiled(tile: Tile, kernels: Kernels): LinearVariantEntry {
  const half = kernels.order === 'half';
  const lanes = tile.ROW_LANES * tile.COLUMN_LANES;
  const bytes = storage(tile, half ? 2 : 4, half ? FACTOR_LANES : 0);
  return {
    ...kernels,
    unit: 4,
    runsOn: (caps) => (!half || caps.f16) && lanes <= caps.maxInvocations && bytes <= caps.maxWorkgroupStorage,
    fits: aligned,
    parts: tileParts(tile),
  };
}

function split(tile: Tile): LinearVariantEntry {
  const whole = tiled(tile, { order: 'sliced', forward: splitTiles });
  return {
    ...whole,
    parts(size, caps) {
      const [y, z] = foldGrid(size.m);
      return [
        ...tileParts(tile, true)(size, caps),
        { kernel: addSlices, grid: [Math.ceil(size.columns / SLICES_LANES), y, z] as const },
      ];
    },
    partials: ({ m, columns, steps }) => m * columns * Math.ceil(steps / sliceSteps(steps)),
  };
}

const sequential = { order: 'sequential' as const, ...sequentialTiles };
const sliced = { order: 'sliced' as const, forward: slicedTiles };
const half = { order: 'half' as const, ...halfTiles };

export const GPU_VARIANTS = {
  /** Tiles in workgroup memory, named by rows and columns. */
  tiles_32x64: tiled(TILE_32X64, sequential),
  tiles_64x64: tiled(TILE_64X64, sequential),
  tiles_128x64: tiled(TILE_128X64, sequential),
  tiles_128x128: tiled(TILE_128X128, sequential),
  /** The same, slice by slice. */
  sliced_32x64: tiled(TILE_32X64, sliced),
  sliced_64x64: tiled(TILE_64X64, sliced),
  sliced_128x64: tiled(TILE_128X64, sliced),
  sliced_128x128: tiled(TILE_128X128, sliced),
  /** Every slice has workgroups of its own, for grids that would leave a GPU idle; a second kernel adds them. */
  split_32x64: split(TILE_32X64),
  split_64x64: split(TILE_64X64),
  /** Few rows: each number of the weight is read once. */
  vector: {
    order: 'sliced',
    forward: vectors,
    unit: 4,
    runsOn: (caps) => caps.maxInvocations >= 256,
    fits: aligned,
    maxRows: 8,
    parts({ m, columns }) {
      const ROWS = VECTOR_ROWS.find((rows) => rows >= m) ?? 8;
      const [x, z] = foldGrid(Math.ceil((4 * columns) / VECTOR_COLUMNS));
      return [{ grid: [x, Math.ceil(m / ROWS), z], constants: { ROWS } }];
    },
  },
  /** Numbers rounded to f16 in workgroup memory: half of its traffic. */
  half_32x64: tiled(TILE_32X64, half),
  half_64x64: tiled(TILE_64X64, half),
  half_128x64: tiled(TILE_128X64, half),
  half_128x128: tiled(TILE_128X128, half),
} satisfies Record<string, LinearVariantEntry>;
