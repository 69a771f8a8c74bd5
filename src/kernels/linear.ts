import registers from '../../shaders/linear_registers.wgsl?raw';
import scalar from '../../shaders/linear_scalar.wgsl?raw';
import tiled from '../../shaders/linear_tiled.wgsl?raw';
import { blockBytes } from '../gpu/blocks.ts';
import type { Capabilities } from '../gpu/device.ts';
import { type Constants, defineKernel, foldGrid, type Kernel, type KernelDeclaration } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';

/**
 * - `scalar`: any shape, a lane per row and four columns.
 * - `registers`: uniform-register tiles, for adapters that run lanes on a CPU.
 * - `subgroup`: the same, the rows of a tile shared within quads of lanes.
 * - `tiled`: tiles in workgroup memory, for GPUs.
 *
 * All four add the same products in the same order.
 */
export type LinearVariant = 'scalar' | 'registers' | 'subgroup' | 'tiled';

/** What of a product's shape may decide the variant. The number of rows may not: it would change a row's bits. */
export interface LinearShape {
  /** Terms of each sum (k forward, n backward), and columns of the output. */
  readonly terms: number;
  readonly width: number;
  /** Floats from one row to the next, and before the first, of the input and the output. */
  readonly strides: readonly number[];
  readonly bias: boolean;
}

/** The fastest variant on this adapter that is right for the shape. */
export function linearVariant(caps: Pick<Capabilities, 'isSoftware' | 'subgroups'>, shape: LinearShape): LinearVariant {
  const aligned =
    shape.terms % 4 === 0 && shape.strides.every((x) => x % 4 === 0) && (shape.width % 4 === 0 || !shape.bias);
  if (!aligned) return 'scalar';
  if (!caps.isSoftware) return 'tiled';
  return caps.subgroups ? 'subgroup' : 'registers';
}

interface Direction {
  readonly scalar: Kernel;
  readonly registers: Kernel;
  readonly subgroup: Kernel;
  readonly tiled: Kernel;
}

const SCALAR_LANES = 64;
/** Quads of rows in a tall tile; a short one has one. */
const TALL = 4;
/** Rows from which on two steps an iteration pay for compiling twice as much code. The order of summation is the same. */
const UNROLL_FROM = 32;

function declare(name: string, transposed: boolean): Direction {
  const common = {
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
  } satisfies Partial<KernelDeclaration>;
  const constants = { TRANSPOSED: transposed, BIAS: false, ACCUMULATE: false, RESCALE: false, BLOCK_BYTES: 64 };
  const floats = {
    inp: 'read array<f32>',
    weight: 'read weight',
    bias: 'read array<f32>',
    row_scale: 'read array<f32>',
    out: 'read_write array<f32>',
  };
  return {
    scalar: defineKernel({
      ...common,
      name: `${name}_scalar`,
      source: scalar,
      include: ['linear_product'],
      entry: 'linear_scalar',
      bindings: floats,
      constants: { ...constants, WG: SCALAR_LANES },
      workgroup: SCALAR_LANES,
    }),
    registers: defineKernel({
      ...common,
      name: `${name}_registers`,
      source: registers,
      include: ['linear_product', 'linear_rows_loaded', 'linear_put'],
      entry: 'linear_registers',
      constants: { ...constants, QUADS: TALL, UNROLL: 1 },
      workgroup: 4,
    }),
    subgroup: defineKernel({
      ...common,
      name: `${name}_subgroup`,
      source: registers,
      include: ['linear_product', 'linear_rows_swapped', 'linear_put'],
      entry: 'linear_registers',
      features: ['subgroups'],
      constants: { ...constants, QUADS: TALL, UNROLL: 1 },
      workgroup: 4,
    }),
    tiled: defineKernel({
      ...common,
      name: `${name}_tiled`,
      source: tiled,
      include: ['linear_product', 'linear_put'],
      entry: 'linear_tiled',
      constants,
      workgroup: 128,
    }),
  };
}

const forward = declare('linear', false);
const backward = declare('linear_backward', true);

export interface LinearOptions {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Adds to what `out` holds. */
  readonly accumulate?: boolean;
  /** The first row of the weight that is used, divided by 4. */
  readonly firstBlockRow?: number;
  /** Floats from one row of `out` to the next (default n), and before the first column (default 0). */
  readonly outStride?: number;
  readonly outOffset?: number;
  /** Floats before the first that is used of `bias`. */
  readonly biasOffset?: number;
  /** Multiplies the product, not the bias. */
  readonly scale?: number;
  /** For tests and benchmarks: a variant that the adapter would not get. */
  readonly variant?: LinearVariant;
}

/**
 * out[m, outOffset + n] (+)= scale * Σ_k inp[m, k] W[4 * firstBlockRow + n, k] + bias[biasOffset + n].
 *
 * inp [M, K] f32; weight [rows, K] in blocks of any weight type; bias [biasOffset + N] f32; out [M, outStride] f32. Sums are f32, k
 * ascending. Where n is not a multiple of 4 but the stride is, up to three columns after the n-th are overwritten with
 * finite numbers. Nothing is launched for m = 0.
 */
export function linear(
  rec: Recorder,
  t: { inp: Tensor; weight: Tensor; bias?: Tensor; out: Tensor },
  o: LinearOptions,
): void {
  const blocksOfRow = Math.ceil(o.k / 4);
  launch(
    rec,
    forward,
    { ...t, rowScale: undefined },
    {
      m: o.m,
      terms: o.k,
      width: o.n,
      inpStride: o.k,
      inpOffset: 0,
      outStride: o.outStride ?? o.n,
      outOffset: o.outOffset ?? 0,
      biasOffset: o.biasOffset ?? 0,
      block0: (o.firstBlockRow ?? 0) * blocksOfRow,
      columnStride: blocksOfRow,
      stepStride: 1,
      scale: o.scale ?? 1,
      accumulate: o.accumulate ?? false,
      variant: o.variant,
    },
  );
}

export interface LinearBackwardOptions {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Adds to what `dinp` holds. */
  readonly accumulate?: boolean;
  readonly firstBlockRow?: number;
  /** Floats from one row of `dout` to the next (default n), and before its first column (default 0). */
  readonly doutStride?: number;
  readonly doutOffset?: number;
  readonly variant?: LinearVariant;
}

/**
 * dinp[m, k] (+)= Σ_n dout[m, doutOffset + n] W[4 * firstBlockRow + n, k]; with `rowScale` [M] instead
 * dinp[m, k] = rowScale[m] * dinp[m, k] + Σ_n ….
 *
 * dout [M, doutStride] f32; weight [rows, K] in blocks; dinp [M, K] f32. Sums are f32, n ascending. Columns of dout after
 * the n-th are not read into any sum.
 */
export function linearBackward(
  rec: Recorder,
  t: { dout: Tensor; weight: Tensor; dinp: Tensor; rowScale?: Tensor },
  o: LinearBackwardOptions,
): void {
  const blocksOfRow = Math.ceil(o.k / 4);
  launch(
    rec,
    backward,
    { inp: t.dout, weight: t.weight, bias: undefined, out: t.dinp, rowScale: t.rowScale },
    {
      m: o.m,
      terms: o.n,
      width: o.k,
      inpStride: o.doutStride ?? o.n,
      inpOffset: o.doutOffset ?? 0,
      outStride: o.k,
      outOffset: 0,
      biasOffset: 0,
      block0: (o.firstBlockRow ?? 0) * blocksOfRow,
      columnStride: 1,
      stepStride: blocksOfRow,
      scale: 1,
      accumulate: o.accumulate ?? false,
      variant: o.variant,
    },
  );
}

interface Product {
  readonly m: number;
  readonly terms: number;
  readonly width: number;
  readonly inpStride: number;
  readonly inpOffset: number;
  readonly outStride: number;
  readonly outOffset: number;
  readonly biasOffset: number;
  readonly block0: number;
  readonly columnStride: number;
  readonly stepStride: number;
  readonly scale: number;
  readonly accumulate: boolean;
  readonly variant: LinearVariant | undefined;
}

function launch(
  rec: Recorder,
  direction: Direction,
  t: { inp: Tensor; weight: Tensor; bias?: Tensor | undefined; rowScale: Tensor | undefined; out: Tensor },
  o: Product,
): void {
  const { m, terms, width } = o;
  if (m === 0 || width === 0) return;
  const strides = [o.inpStride, o.inpOffset, o.outStride, o.outOffset];
  const best = linearVariant(rec.device.caps, { terms, width, strides, bias: t.bias !== undefined });
  const variant = best === 'scalar' ? best : (o.variant ?? best);
  const unit = variant === 'scalar' ? 1 : 4;
  const steps = Math.ceil(terms / 4);
  const columns = Math.ceil(width / 4);
  const params = {
    row0: 0,
    row_end: m,
    terms,
    width,
    steps,
    columns,
    block0: o.block0,
    column_stride: o.columnStride,
    step_stride: o.stepStride,
    inp_stride: o.inpStride / unit,
    inp_offset: o.inpOffset / unit,
    out_stride: o.outStride / unit,
    out_offset: o.outOffset / unit,
    bias_offset: o.biasOffset,
    scale: o.scale,
  };
  // What a variant does not read must still be bound to something.
  const bound = { inp: t.inp, weight: t.weight, bias: t.bias ?? t.inp, row_scale: t.rowScale ?? t.inp, out: t.out };
  const constants: Constants = {
    BIAS: t.bias !== undefined,
    ACCUMULATE: o.accumulate && !t.rowScale,
    RESCALE: t.rowScale !== undefined,
    BLOCK_BYTES: blockBytes(t.weight.dtype),
  };
  const kernel = direction[variant];
  if (variant === 'scalar') {
    const [y, z] = foldGrid(m);
    rec.dispatch(kernel, bound, params, [Math.ceil(columns / SCALAR_LANES), y, z], constants);
    return;
  }
  if (variant === 'tiled') {
    rec.dispatch(kernel, bound, params, [Math.ceil(columns / 16), Math.ceil(m / 32), 1], constants);
    return;
  }
  const { tall, short } = rowTiles(m);
  const x = Math.ceil(columns / 16);
  const split = Math.min(m, 4 * TALL * tall);
  if (tall > 0) {
    const unroll = m >= UNROLL_FROM && steps % 2 === 0 ? 2 : 1;
    params.row_end = split;
    rec.dispatch(kernel, bound, params, [x, tall, 1], { ...constants, QUADS: TALL, UNROLL: unroll });
  }
  if (short > 0) {
    params.row0 = split;
    params.row_end = m;
    rec.dispatch(kernel, bound, params, [x, short, 1], { ...constants, QUADS: 1, UNROLL: 1 });
  }
}

/** Tiles of 16 rows, then tiles of 4 where another of 16 would be more than half empty. */
function rowTiles(m: number): { tall: number; short: number } {
  const rest = m % (4 * TALL);
  const whole = (m - rest) / (4 * TALL);
  return rest > 2 * TALL ? { tall: whole + 1, short: 0 } : { tall: whole, short: Math.ceil(rest / 4) };
}
