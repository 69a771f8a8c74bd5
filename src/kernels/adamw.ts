import updateSource from '../../shaders/adamw.wgsl?raw';
import normSource from '../../shaders/grad_norm.wgsl?raw';
import totalSource from '../../shaders/grad_norm_total.wgsl?raw';
import { defineKernel, foldGrid, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import { numel, type Tensor } from '../gpu/tensor.ts';

const WG = 64;
/** Elements of the gradient that one workgroup squares and sums. */
const SPAN = 4096;

const squares = defineKernel({
  name: 'grad_norm',
  source: normSource,
  entry: 'grad_norm',
  include: ['reduce'],
  bindings: { grad: 'read array<f32>', partial_sums: 'read_write array<f32>' },
  params: { n: 'u32', groups: 'u32' },
  constants: { WG, SPAN },
  workgroup: WG,
  cost: ({ n, groups }) => ({ flops: 2 * n, bytes: 4 * n + 4 * groups }),
});

const total = defineKernel({
  name: 'grad_norm_total',
  source: totalSource,
  entry: 'grad_norm_total',
  include: ['reduce'],
  bindings: { partial_sums: 'read array<f32>', norm: 'read_write array<f32>' },
  params: { groups: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ groups }) => ({ flops: groups, bytes: 4 * groups }),
});

const update = defineKernel({
  name: 'adamw',
  source: updateSource,
  entry: 'adamw',
  bindings: {
    param: 'read_write array<f32>',
    grad: 'read array<f32>',
    m: 'read_write array<f32>',
    v: 'read_write array<f32>',
    norm: 'read array<f32>',
    rates: 'read array<f32>',
  },
  params: {
    n: 'u32',
    row: 'u32',
    rate1: 'f32',
    beta2: 'f32',
    rate2: 'f32',
    eps: 'f32',
    shrink: 'f32',
    step_size: 'f32',
    root_correction: 'f32',
    max_norm: 'f32',
  },
  constants: { WG, PER_ROW: false },
  workgroup: WG,
  cost: ({ n }) => ({ flops: 14 * n, bytes: 28 * n }),
});

/** Elements of `partial` that `gradNorm` needs for a gradient of `n` elements. */
export function gradNormPartials(n: number): number {
  return Math.max(1, Math.ceil(n / SPAN));
}

/**
 * norm [1] = the L2 norm of grad [L, C] over all vectors together, summed in a fixed order; partial
 * [gradNormPartials(L · C)] is scratch. All f32. Vectors that are not trained have a gradient of zero and add nothing.
 */
export function gradNorm(rec: Recorder, t: { grad: Tensor; partial: Tensor; norm: Tensor }): void {
  const n = numel(t.grad.shape);
  const groups = Math.ceil(n / SPAN);
  rec.dispatch(squares, { grad: t.grad, partial_sums: t.partial }, { n, groups }, foldGrid(groups));
  rec.dispatch(total, { partial_sums: t.partial, norm: t.norm }, { groups }, [1, 1, 1]);
}

export interface AdamWStep {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Added outside the root. */
  readonly eps: number;
  readonly weightDecay: number;
  /** Which update this is, from 1: the bias corrections count from it. */
  readonly step: number;
  /** The gradient is scaled down to this norm, as torch.nn.utils.clip_grad_norm_ does it; 0 leaves it as it is. */
  readonly maxNorm: number;
}

/**
 * One update of AdamW (Loshchilov & Hutter, arXiv 1711.05101) as torch.optim.AdamW computes it, on param, grad, m and v
 * [L, C] f32, with the gradient's norm [1] as `gradNorm` gives it. The bias corrections are taken in f64 on the host.
 * Without decay a vector that is not trained (gradient and both moments zero) stays as it is. With `rates` [L] f32 a layer's
 * learning rate is `lr` times its entry; there is no decay then.
 */
export function adamw(
  rec: Recorder,
  t: { param: Tensor; grad: Tensor; m: Tensor; v: Tensor; norm: Tensor; rates?: Tensor | undefined },
  o: AdamWStep,
): void {
  if (t.rates && o.weightDecay !== 0) throw new Error('adamw: weight decay knows one learning rate only');
  const n = numel(t.param.shape);
  const params = {
    n,
    row: t.param.shape.at(-1) ?? 1,
    rate1: 1 - o.beta1,
    beta2: o.beta2,
    rate2: 1 - o.beta2,
    eps: o.eps,
    shrink: 1 - o.lr * o.weightDecay,
    step_size: o.lr / (1 - o.beta1 ** o.step),
    root_correction: Math.sqrt(1 - o.beta2 ** o.step),
    max_norm: o.maxNorm,
  };
  rec.dispatch(update, { ...t, rates: t.rates ?? t.norm }, params, laneGrid(n, WG), {
    PER_ROW: t.rates !== undefined,
  });
}
