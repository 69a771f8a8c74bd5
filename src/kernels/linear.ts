import { blockBytes, type WeightType } from '../gpu/blocks.ts';
import type { Capabilities, Device } from '../gpu/device.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { Tuning } from '../gpu/tuning.ts';
import { type LinearKind, type LinearQuestion, sliceSteps } from './linear_kernel.ts';
import { LINEAR_VARIANTS, type LinearVariant, tunedVariant } from './linear_variants.ts';

interface LinearOptions {
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
    'forward',
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

interface LinearBackwardOptions {
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
    'backward',
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

interface GatedOptions {
  readonly m: number;
  readonly f: number;
  readonly k: number;
  readonly variant?: LinearVariant;
}

/**
 * out [M, F] = silu(gate) * up, where gate and up [M, F] each are inp Wᵀ (+ bias): `linear` and `swiglu` in one dispatch, with
 * their bits. inp [M, K] f32; weight [2F, K] in blocks of any weight type, the gates' rows first; bias [2F] f32. Only where
 * `gates` says so.
 */
export function linearGated(
  rec: Recorder,
  t: { inp: Tensor; weight: Tensor; bias?: Tensor; out: Tensor },
  { m, f, k, variant }: GatedOptions,
): void {
  launch(
    rec,
    'gated',
    { ...t, rowScale: undefined },
    {
      m,
      terms: k,
      width: 2 * f,
      inpStride: k,
      inpOffset: 0,
      outStride: f,
      outOffset: 0,
      biasOffset: 0,
      block0: 0,
      columnStride: Math.ceil(k / 4),
      stepStride: 1,
      scale: 1,
      accumulate: false,
      variant,
    },
  );
}

/** Whether `linearGated` takes a product: where it is faster on this device than `linear` and `swiglu`, and rows have whole vec4s. */
export function gates({ caps, tuning }: Device, o: GatedOptions & { dtype: WeightType; bias: boolean }): boolean {
  const { m, f, k, dtype, bias } = o;
  const question = { direction: 'forward', dtype, m, terms: k, width: 2 * f, strides: [k, 0, f, 0], bias } as const;
  return f % 4 === 0 && LINEAR_VARIANTS[variantFor(caps, question, tuning, o.variant)].gated !== undefined;
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
  kind: LinearKind,
  t: { inp: Tensor; weight: Tensor; bias?: Tensor | undefined; rowScale: Tensor | undefined; out: Tensor },
  o: Product,
): void {
  const { m, terms, width } = o;
  if (m === 0 || width === 0) return;
  const strides = [o.inpStride, o.inpOffset, o.outStride, o.outOffset];
  const { caps } = rec.device;
  const dtype = t.weight.dtype as WeightType;
  const direction = kind === 'backward' ? kind : 'forward';
  const question = { direction, dtype, m, terms, width, strides, bias: t.bias !== undefined } as const;
  const variant = LINEAR_VARIANTS[variantFor(caps, question, rec.device.tuning, o.variant)];
  const { unit } = variant;
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
    slice: sliceSteps(steps),
    scale: o.scale,
  };
  const size = { kind, dtype, m, steps, columns };
  const blocks = variant.partials?.(size);
  const partial = blocks === undefined ? undefined : rec.device.arena.alloc([blocks, 4], 'f32', 'partial products');
  // What a variant does not read must still be bound to something.
  const bound = {
    inp: t.inp,
    weight: t.weight,
    bias: t.bias ?? t.inp,
    row_scale: t.rowScale ?? t.inp,
    out: t.out,
    partial: partial ?? t.out,
  };
  const constants = {
    BIAS: t.bias !== undefined,
    ACCUMULATE: o.accumulate && !t.rowScale,
    RESCALE: t.rowScale !== undefined,
    BLOCK_BYTES: blockBytes(dtype),
  };
  for (const part of variant.parts(size, caps)) {
    const kernel = part.kernel ?? variant[kind];
    if (!kernel) throw new Error(`a product's variant has no ${kind} kernel`);
    rec.dispatch(
      kernel,
      bound,
      part.params ? { ...params, ...part.params } : params,
      part.grid,
      part.constants ? { ...constants, ...part.constants } : constants,
    );
  }
  if (partial) rec.device.arena.free(partial);
}

/** The one that is asked for, where it fits; else what the tuning or the adapter says. */
function variantFor(
  caps: Capabilities,
  question: LinearQuestion,
  tuning: Tuning,
  wanted: LinearVariant | undefined,
): LinearVariant {
  return wanted && LINEAR_VARIANTS[wanted].fits(question) ? wanted : tunedVariant(caps, question, tuning);
}
