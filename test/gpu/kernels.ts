import { defineKernel } from '../../src/gpu/kernel.ts';

/** out[at] += value, by one lane. */
export const addOne = defineKernel({
  name: 'test_add_one',
  source: '@compute @workgroup_size(1) fn main() { out[params.at] += params.value; }',
  entry: 'main',
  bindings: { out: 'read_write array<f32>' },
  params: { at: 'u32', value: 'f32' },
  workgroup: 1,
  cost: () => ({ flops: 1, bytes: 8 }),
});

/** out[i] = inp[i] + bias of every element, by workgroups of one lane in a folded grid. */
export const addBias = defineKernel({
  name: 'test_add_bias',
  source: `@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u) {
  let i = wg.x + wg.y * nwg.x;
  if (i >= params.n) { return; }
  out[i] = inp[i] + BIAS;
}`,
  entry: 'main',
  bindings: { inp: 'read array<f32>', out: 'read_write array<f32>' },
  params: { n: 'u32' },
  constants: { BIAS: '1.0' },
  workgroup: 1,
  cost: ({ n }) => ({ flops: n, bytes: 8 * n }),
});
