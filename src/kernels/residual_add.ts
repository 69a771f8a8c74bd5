import plainSource from '../../shaders/residual_add.wgsl?raw';
import steeredSource from '../../shaders/residual_add_steered.wgsl?raw';
import { laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineWideKernel, wideKernel } from './units.ts';

const WG = 64;
/** Rows that share one read of the steering vector. */
const ROWS = 4;

const plain = defineWideKernel({
  name: 'residual_add',
  source: plainSource,
  entry: 'residual_add',
  bindings: { inp: 'read array<Wide>', branch: 'read array<Wide>', out: 'read_write array<Wide>' },
  params: { count: 'u32', n: 'u32', c: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, c }) => ({ flops: n * c, bytes: 12 * n * c }),
});

const steered = defineWideKernel({
  name: 'residual_add_steered',
  source: steeredSource,
  entry: 'residual_add_steered',
  bindings: {
    inp: 'read array<Wide>',
    branch: 'read array<Wide>',
    steering: 'read array<Wide>',
    out: 'read_write array<Wide>',
  },
  params: { n: 'u32', c: 'u32', row_units: 'u32', layer: 'u32', scale: 'f32' },
  constants: { WG, ROWS },
  workgroup: WG,
  cost: ({ n, c }) => ({ flops: 3 * n * c, bytes: 12 * n * c + 4 * c }),
});

/**
 * out [N, C] = inp [N, C] + branch [N, C], plus scale * steering[layer] where a steering tensor [L, C] is given
 * (Sinii et al., arXiv 2505.18706: one additive vector after each decoder layer). `out` is another tensor than `inp` and
 * `branch`. All f32.
 */
export function residualAdd(
  rec: Recorder,
  t: { inp: Tensor; branch: Tensor; steering?: Tensor | undefined; out: Tensor },
  o: { n: number; c: number; layer: number; scale: number },
): void {
  const { inp, branch, steering, out } = t;
  if (steering) {
    const { kernel, units } = wideKernel(rec.device, steered, o.c);
    const lanes = Math.ceil(o.n / ROWS) * units;
    const params = { n: o.n, c: o.c, row_units: units, layer: o.layer, scale: o.scale };
    rec.dispatch(kernel, { inp, branch, steering, out }, params, laneGrid(lanes, WG));
  } else {
    const { kernel, units } = wideKernel(rec.device, plain, o.c);
    const count = o.n * units;
    rec.dispatch(kernel, { inp, branch, out }, { count, n: o.n, c: o.c }, laneGrid(count, WG));
  }
}
