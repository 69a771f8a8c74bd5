import source from '../../shaders/embedding.wgsl?raw';
import { foldGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, unitKernel } from './units.ts';

const WG = 64;

const kernel = defineUnitKernel({
  name: 'embedding',
  source,
  entry: 'embedding',
  bindings: { ids: 'read array<u32>', weight: 'read weight', out: 'read_write array<Unit>' },
  params: { count: 'u32', row_units: 'u32', n: 'u32', c: 'u32', vocab: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, c }) => ({ flops: 0, bytes: 8 * n * c + 4 * n }),
});

/**
 * out [N, C] f32 = weight[ids[n]] of the blocked matrix weight [V, C] (f32, f16 or bf16); ids [N] u32. An id of `vocab`
 * or more gives a row of zeros.
 */
export function embedding(
  rec: Recorder,
  t: { ids: Tensor; weight: Tensor; out: Tensor },
  o: { n: number; c: number; vocab: number },
): void {
  const { kernel: variant, units } = unitKernel(kernel, o.c);
  const count = o.n * units;
  rec.dispatch(
    variant,
    { ids: t.ids, weight: t.weight, out: t.out },
    { ...o, count, row_units: units },
    foldGrid(Math.ceil(count / WG)),
  );
}
