import source from '../../shaders/keep_rows.wgsl?raw';
import { foldGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineMoveKernel, moveKernel } from './units.ts';

const WG = 64;

const keep = defineMoveKernel({
  name: 'keep_rows',
  source,
  entry: 'keep_rows',
  bindings: { inp: 'read array<Unit>', base: 'read array<u32>', kept: 'read_write array<Unit>' },
  params: { count: 'u32', row_units: 'u32', n: 'u32', c: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, c }) => ({ flops: 0, bytes: 8 * n * c }),
});

/** kept[base + r] = inp[r] for r < n: inp [N, C], kept [rows, C] f32; base [1] u32. Other rows of `kept` stay. */
export function keepRows(
  rec: Recorder,
  t: { inp: Tensor; base: Tensor; kept: Tensor },
  { n, c }: { n: number; c: number },
): void {
  const { kernel, units } = moveKernel(rec.device, keep, c);
  const count = n * units;
  rec.dispatch(kernel, t, { count, row_units: units, n, c }, foldGrid(Math.ceil(count / WG)));
}
