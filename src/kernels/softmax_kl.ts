import source from '../../shaders/softmax_kl.wgsl?raw';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineRowKernel, dispatchRows, type RowLayout } from './row_layout.ts';

const kernel = defineRowKernel({
  name: 'softmax_kl',
  source,
  bindings: {
    logits: 'read array<vec4f>',
    stats: 'read array<vec4f>',
    other: 'read array<vec4f>',
    other_stats: 'read array<vec4f>',
    kl: 'read_write array<f32>',
  },
  params: { rows: 'u32', v: 'u32', stride4: 'u32' },
  cost: ({ rows, v }) => ({ flops: 6 * rows * v, bytes: 8 * rows * v }),
});

/**
 * kl [R] f32 = KL(softmax(logits) ‖ softmax(other)) of each row, in nats. logits and other [R, stride] f32, of which `v` columns
 * count; stats and otherStats [R, 4] f32 are theirs of `headUpdate` over one tile of all columns, which must have kept the logits.
 *
 * @throws Error where `stride` is no multiple of 4
 */
export function softmaxKl(
  rec: Recorder,
  t: { logits: Tensor; stats: Tensor; other: Tensor; otherStats: Tensor; kl: Tensor },
  o: { rows: number; v: number; stride: number; layout?: RowLayout },
): void {
  if (o.stride % 4 !== 0) throw new Error(`softmax_kl: a row stride of ${o.stride} floats is no multiple of 4`);
  const { otherStats: other_stats, ...tensors } = t;
  const params = { rows: o.rows, v: o.v, stride4: o.stride / 4 };
  dispatchRows(rec, kernel, { ...tensors, other_stats }, params, { rows: o.rows, layout: o.layout });
}
