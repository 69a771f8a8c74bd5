import forwardSource from '../../shaders/swiglu.wgsl?raw';
import backwardSource from '../../shaders/swiglu_backward.wgsl?raw';
import { laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineWideKernel, type WideKernel, wideKernel } from './units.ts';

const WG = 64;

const forward = defineWideKernel({
  name: 'swiglu_forward',
  source: forwardSource,
  entry: 'swiglu_forward',
  include: ['silu'],
  bindings: { gate_up: 'read array<Wide>', out: 'read_write array<Wide>' },
  params: { count: 'u32', row_units: 'u32', n: 'u32', f: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, f }) => ({ flops: 6 * n * f, bytes: 12 * n * f }),
});

const backward = defineWideKernel({
  name: 'swiglu_backward',
  source: backwardSource,
  entry: 'swiglu_backward',
  include: ['silu'],
  bindings: { gate_up: 'read array<Wide>', dout: 'read array<Wide>', dgate_up: 'read_write array<Wide>' },
  params: { count: 'u32', row_units: 'u32', n: 'u32', f: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, f }) => ({ flops: 14 * n * f, bytes: 20 * n * f }),
});

/**
 * out [N, F] = silu(gate) * up (Shazeer, arXiv 2002.05202, SwiGLU without bias) from gateUp [N, 2F]: a row's F gates, then
 * its F ups. All f32; finite for every finite gate.
 */
export function swiglu(rec: Recorder, t: { gateUp: Tensor; out: Tensor }, o: { n: number; f: number }): void {
  launch(rec, forward, { gate_up: t.gateUp, out: t.out }, o);
}

/** dgateUp [N, 2F] (overwritten) from gateUp [N, 2F] and dout [N, F]. */
export function swigluBackward(
  rec: Recorder,
  t: { gateUp: Tensor; dout: Tensor; dgateUp: Tensor },
  o: { n: number; f: number },
): void {
  launch(rec, backward, { gate_up: t.gateUp, dout: t.dout, dgate_up: t.dgateUp }, o);
}

function launch(
  rec: Recorder,
  pair: WideKernel,
  tensors: Record<string, Tensor>,
  { n, f }: { n: number; f: number },
): void {
  const { kernel, units } = wideKernel(rec.device, pair, f);
  const count = n * units;
  rec.dispatch(kernel, tensors, { count, row_units: units, n, f }, laneGrid(count, WG));
}
