import source from '../../shaders/kv_write.wgsl?raw';
import { foldGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, unitKernel } from './units.ts';

const WG = 64;

const kernel = defineUnitKernel({
  name: 'kv_write',
  source,
  entry: 'kv_write',
  bindings: { qkv: 'read array<Unit>', dest: 'read array<u32>', cache: 'read_write array<Unit>' },
  params: { count: 'u32', q_units: 'u32', kv_units: 'u32', n: 'u32', kv: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ n, kv }) => ({ flops: 0, bytes: 8 * n * kv + 4 * n }),
});

/**
 * Copies k and v heads of qkv [N, (H + 2 Hkv) D], keys already rotated, to the rows dest [N] u32 (unique, below the
 * cache's rows) of a layer's cache [rows, 2 Hkv D]. Other rows of the cache stay. f32.
 */
export function kvWrite(
  rec: Recorder,
  t: { qkv: Tensor; dest: Tensor; cache: Tensor },
  o: { n: number; heads: number; kvHeads: number; headDim: number },
): void {
  const { kernel: variant, units: headUnits } = unitKernel(kernel, o.headDim);
  const q_units = o.heads * headUnits;
  const kv_units = 2 * o.kvHeads * headUnits;
  const count = o.n * kv_units;
  rec.dispatch(
    variant,
    { qkv: t.qkv, dest: t.dest, cache: t.cache },
    { count, q_units, kv_units, n: o.n, kv: 2 * o.kvHeads * o.headDim },
    foldGrid(Math.ceil(count / WG)),
  );
}
