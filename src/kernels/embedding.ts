import source from '../../shaders/embedding.wgsl?raw';
import { laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineWideKernel, wideKernel } from './units.ts';

const WG = 64;

const kernel = defineWideKernel({
  name: 'embedding',
  source,
  entry: 'embedding',
  bindings: { ids: 'read array<u32>', weight: 'read weight rows', out: 'read_write array<Wide>' },
  params: { count: 'u32', row_units: 'u32', n: 'u32', c: 'u32', rows: 'u32', first: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, c }) => ({ flops: 0, bytes: 8 * n * c + 4 * n }),
});

/**
 * out [N, C] f32 = weight[ids[n] - first] of the blocked matrix weight [rows, C]; ids [N] u32. Where the weight has no such
 * row, `first` 0 (the default) gives zeros, and any other leaves the row as it is: parts of a table are gathered in turn.
 */
export function embedding(
  rec: Recorder,
  t: { ids: Tensor; weight: Tensor; out: Tensor },
  o: { n: number; c: number; rows: number; first?: number },
): void {
  const { kernel: variant, units } = wideKernel(rec.device, kernel, o.c);
  const count = o.n * units;
  rec.dispatch(
    variant,
    { ids: t.ids, weight: t.weight, out: t.out },
    { first: 0, ...o, count, row_units: units },
    laneGrid(count, WG),
  );
}
