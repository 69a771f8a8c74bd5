import source from '../../shaders/top_k.wgsl?raw';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineRowKernel, dispatchRows, type RowLayout } from './row_layout.ts';

const kernel = defineRowKernel({
  name: 'top_k',
  source,
  bindings: { logits: 'read array<vec4f>', ids: 'read_write array<u32>' },
  params: { rows: 'u32', v: 'u32', stride4: 'u32', k: 'u32' },
  cost: ({ rows, v, k }) => ({ flops: rows * v * k, bytes: 4 * rows * v * k }),
});

/**
 * ids [R, K] u32: the `k` largest of each row of logits [R, stride] f32, of which `v` columns count, largest first, ties to the
 * lowest id. Meant for a `k` of some ten: a row is read `k` times.
 *
 * @throws Error where `stride` is no multiple of 4, or `k` more than `v`
 */
export function topK(
  rec: Recorder,
  t: { logits: Tensor; ids: Tensor },
  o: { rows: number; v: number; stride: number; k: number; layout?: RowLayout },
): void {
  if (o.stride % 4 !== 0) throw new Error(`top_k: a row stride of ${o.stride} floats is no multiple of 4`);
  if (o.k > o.v) throw new Error(`top_k: ${o.k} of ${o.v} columns`);
  const params = { rows: o.rows, v: o.v, stride4: o.stride / 4, k: o.k };
  dispatchRows(rec, kernel, t, params, { rows: o.rows, layout: o.layout });
}
