import registers from '../../shaders/linear_registers.wgsl?raw';
import scalar from '../../shaders/linear_scalar.wgsl?raw';
import tiled from '../../shaders/linear_tiled.wgsl?raw';
import type { Capabilities } from '../gpu/device.ts';
import { type Constants, defineKernel, foldGrid, type Kernel, type KernelDeclaration } from '../gpu/kernel.ts';

/** What of a product's shape may decide the variant. The number of rows may not: it would change a row's bits. */
export interface LinearShape {
  /** Terms of each sum (k forward, n backward), and columns of the output. */
  readonly terms: number;
  readonly width: number;
  /** Floats from one row to the next, and before the first, of the input and the output. */
  readonly strides: readonly number[];
  readonly bias: boolean;
}

/** One dispatch of a product: its grid, and what differs from the product's own params and constants. */
export interface LinearPart {
  readonly grid: readonly [number, number, number];
  readonly params?: Readonly<Record<string, number>>;
  readonly constants?: Constants;
}

/** A way to compute a product. */
export interface LinearVariantEntry {
  readonly forward: Kernel;
  readonly backward: Kernel;
  /** Floats in an element of the input and the output as the kernel binds them: strides and offsets are multiples of it. */
  readonly unit: 1 | 4;
  runsOn(caps: Pick<Capabilities, 'subgroups'>): boolean;
  fits(shape: LinearShape): boolean;
  /** The dispatches for m rows, blocks of four terms (`steps`) and of four columns. */
  parts(size: { m: number; steps: number; columns: number }): LinearPart[];
}

const SCALAR_LANES = 64;
/** Quads of rows in a tall tile; a short one has one. */
const TALL = 4;
/** Rows from which on two steps an iteration pay for compiling twice as much code. The order of summation is the same. */
const UNROLL_FROM = 32;

/** The two directions of a variant. */
function declare(
  suffix: string,
  own: Pick<KernelDeclaration, 'source' | 'entry' | 'include' | 'workgroup'> & Partial<KernelDeclaration>,
): Pick<LinearVariantEntry, 'forward' | 'backward'> {
  const direction = (name: string, transposed: boolean) =>
    defineKernel({
      bindings: {
        inp: 'read array<vec4f>',
        weight: 'read weight',
        bias: 'read array<f32>',
        row_scale: 'read array<f32>',
        out: 'read_write array<vec4f>',
      },
      params: {
        row0: 'u32',
        row_end: 'u32',
        terms: 'u32',
        width: 'u32',
        steps: 'u32',
        columns: 'u32',
        block0: 'u32',
        column_stride: 'u32',
        step_stride: 'u32',
        inp_stride: 'u32',
        inp_offset: 'u32',
        out_stride: 'u32',
        out_offset: 'u32',
        bias_offset: 'u32',
        scale: 'f32',
      },
      cost: (p, c) => {
        const rows = (p.row_end as number) - (p.row0 as number);
        const { terms, width, steps, columns } = p as Record<'terms' | 'width' | 'steps' | 'columns', number>;
        const outputs = c.ACCUMULATE || c.RESCALE ? 2 : 1;
        return {
          flops: 2 * rows * width * terms,
          bytes: 4 * rows * (terms + outputs * width) + steps * columns * (c.BLOCK_BYTES as number),
        };
      },
      ...own,
      name: `${name}_${suffix}`,
      constants: {
        TRANSPOSED: transposed,
        BIAS: false,
        ACCUMULATE: false,
        RESCALE: false,
        BLOCK_BYTES: 64,
        ...own.constants,
      },
    });
  return { forward: direction('linear', false), backward: direction('linear_backward', true) };
}

/** Rows that begin on a vec4, and whole vec4s of outputs where a bias is read with them. */
function aligned({ terms, width, strides, bias }: LinearShape): boolean {
  return terms % 4 === 0 && strides.every((x) => x % 4 === 0) && (width % 4 === 0 || !bias);
}

/** Tiles of 16 rows, then tiles of 4 where another of 16 would be more than half empty. */
function rowTiles(m: number): { tall: number; short: number } {
  const rest = m % (4 * TALL);
  const whole = (m - rest) / (4 * TALL);
  return rest > 2 * TALL ? { tall: whole + 1, short: 0 } : { tall: whole, short: Math.ceil(rest / 4) };
}

const registerTiles: Pick<LinearVariantEntry, 'unit' | 'fits' | 'parts'> = {
  unit: 4,
  fits: aligned,
  parts({ m, steps, columns }): LinearPart[] {
    const { tall, short } = rowTiles(m);
    const x = Math.ceil(columns / 16);
    const split = Math.min(m, 4 * TALL * tall);
    return [
      {
        grid: [x, tall, 1],
        params: { row_end: split },
        constants: { QUADS: TALL, UNROLL: m >= UNROLL_FROM && steps % 2 === 0 ? 2 : 1 },
      },
      { grid: [x, short, 1], params: { row0: split }, constants: { QUADS: 1, UNROLL: 1 } },
    ];
  },
};

/** Every way to compute a product. All add the same products in the same order. */
const VARIANTS = {
  /** Any shape, a lane per row and four columns. */
  scalar: {
    ...declare('scalar', {
      source: scalar,
      include: ['linear_product'],
      entry: 'linear_scalar',
      bindings: {
        inp: 'read array<f32>',
        weight: 'read weight',
        bias: 'read array<f32>',
        row_scale: 'read array<f32>',
        out: 'read_write array<f32>',
      },
      constants: { WG: SCALAR_LANES },
      workgroup: SCALAR_LANES,
    }),
    unit: 1,
    runsOn: () => true,
    fits: () => true,
    parts({ m, columns }) {
      const [y, z] = foldGrid(m);
      return [{ grid: [Math.ceil(columns / SCALAR_LANES), y, z] }];
    },
  },
  /** Uniform-register tiles, for adapters that run lanes on a CPU. */
  registers: {
    ...declare('registers', {
      source: registers,
      include: ['linear_product', 'linear_rows_loaded', 'linear_put'],
      entry: 'linear_registers',
      constants: { QUADS: TALL, UNROLL: 1 },
      workgroup: 4,
    }),
    ...registerTiles,
    runsOn: () => true,
  },
  /** The same, the rows of a tile shared within quads of lanes. */
  subgroup: {
    ...declare('subgroup', {
      source: registers,
      include: ['linear_product', 'linear_rows_swapped', 'linear_put'],
      entry: 'linear_registers',
      features: ['subgroups'],
      constants: { QUADS: TALL, UNROLL: 1 },
      workgroup: 4,
    }),
    ...registerTiles,
    runsOn: (caps) => caps.subgroups,
  },
  /** Tiles in workgroup memory, for GPUs. */
  tiled: {
    ...declare('tiled', {
      source: tiled,
      include: ['linear_product', 'linear_put'],
      entry: 'linear_tiled',
      workgroup: 128,
    }),
    unit: 4,
    runsOn: () => true,
    fits: aligned,
    parts: ({ m, columns }) => [{ grid: [Math.ceil(columns / 16), Math.ceil(m / 32), 1] }],
  },
} satisfies Record<string, LinearVariantEntry>;

export type LinearVariant = keyof typeof VARIANTS;

export const LINEAR_VARIANTS: Readonly<Record<LinearVariant, LinearVariantEntry>> = VARIANTS;

/** The fastest variant on this adapter that is right for the shape. */
export function linearVariant(caps: Pick<Capabilities, 'isSoftware' | 'subgroups'>, shape: LinearShape): LinearVariant {
  if (!aligned(shape)) return 'scalar';
  if (!caps.isSoftware) return 'tiled';
  return caps.subgroups ? 'subgroup' : 'registers';
}
