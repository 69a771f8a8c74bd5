import forwardSource from '../../shaders/qk_norm.wgsl?raw';
import backwardSource from '../../shaders/qk_norm_backward.wgsl?raw';
import { foldGrid, type KernelDeclaration } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, type UnitKernel, unitKernel } from './units.ts';

/** Lanes that share a head (its 128 floats are 32 units), and, where a lane owns a head, lanes a workgroup. */
const HEAD_WG = 32;
const LANE_WG = 4;

/** Heads with a norm; a head's floats and units; a row's heads of q, heads with a norm, units. */
const params = {
  count: 'u32',
  head_dim: 'u32',
  head_units: 'u32',
  q_heads: 'u32',
  normed: 'u32',
  row_units: 'u32',
  eps: 'f32',
} as const;

interface Layouts {
  readonly head: UnitKernel;
  readonly lane: UnitKernel;
}

function bothLayouts(
  declaration: Omit<KernelDeclaration<typeof params, { WG: number }>, 'entry' | 'workgroup' | 'params'>,
): Layouts {
  const define = (entry: string, wg: number) =>
    defineUnitKernel({
      ...declaration,
      params,
      name: entry,
      entry,
      include: ['reduce', 'normed_heads'],
      constants: { WG: wg },
      workgroup: wg,
    });
  return { head: define(declaration.name, HEAD_WG), lane: define(`${declaration.name}_lane`, LANE_WG) };
}

const forward = bothLayouts({
  name: 'qk_norm_forward',
  source: forwardSource,
  bindings: { qkv: 'read_write array<Unit>', weight: 'read array<Unit>' },
  cost: ({ count, head_dim }) => ({ flops: 4 * count * head_dim, bytes: 8 * count * head_dim }),
});

const backward = bothLayouts({
  name: 'qk_norm_backward',
  source: backwardSource,
  bindings: { inp: 'read array<Unit>', weight: 'read array<Unit>', dqkv: 'read_write array<Unit>' },
  cost: ({ count, head_dim }) => ({ flops: 10 * count * head_dim, bytes: 12 * count * head_dim }),
});

interface Heads {
  readonly n: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly eps: number;
}

/**
 * RMSNorm over each q and k head of qkv [N, (H + 2 Hkv) D], in place, before the rotation, as Qwen3 has it (Yang et al.,
 * arXiv 2505.09388): x * weight / sqrt(mean(x²) + eps). `weight` [2 D]: q_norm, then k_norm. v stays. All f32. The order of
 * summation differs between CPU and GPU adapters, never with N.
 */
export function qkNorm(rec: Recorder, t: { qkv: Tensor; weight: Tensor }, o: Heads): void {
  launch(rec, forward, t, o);
}

/**
 * The gradient of `qkNorm`'s input, in place on that of its output, dqkv [N, (H + 2 Hkv) D]. `inp`, of the same shape, is
 * qkv as it was before. v's gradient stays, for v did. All f32.
 */
export function qkNormBackward(rec: Recorder, t: { inp: Tensor; weight: Tensor; dqkv: Tensor }, o: Heads): void {
  launch(rec, backward, t, o);
}

function launch(rec: Recorder, layouts: Layouts, t: Record<string, Tensor>, o: Heads): void {
  const software = rec.device.caps.isSoftware;
  const { kernel, units } = unitKernel(software ? layouts.lane : layouts.head, o.headDim);
  const normed = o.heads + o.kvHeads;
  const count = o.n * normed;
  rec.dispatch(
    kernel,
    t,
    {
      count,
      head_dim: o.headDim,
      head_units: units,
      q_heads: o.heads,
      normed,
      row_units: (normed + o.kvHeads) * units,
      eps: o.eps,
    },
    foldGrid(software ? Math.ceil(count / LANE_WG) : count),
  );
}
