import source from '../../shaders/kv_write.wgsl?raw';
import { defineKernel, foldGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, unitKernel } from './units.ts';

const WG = 64;

const common = {
  source,
  entry: 'kv_write',
  params: { count: 'u32', q_units: 'u32', kv_units: 'u32', n: 'u32', kv: 'u32', places: 'u32' },
  constants: { WG },
  workgroup: WG,
} as const;

const kernel = defineUnitKernel({
  ...common,
  name: 'kv_write',
  include: ['kv_stored_f32'],
  bindings: { qkv: 'read array<Unit>', places: 'read array<vec2u>', cache: 'read_write array<Unit>' },
  cost: ({ n, kv, places }) => ({ flops: 0, bytes: 4 * (n + places) * kv + 8 * places }),
});

/** Heads of a multiple of 4, as attention takes them. */
const kernelF16 = defineKernel({
  ...common,
  name: 'kv_write_f16',
  include: ['kv_stored_f16'],
  bindings: { qkv: 'read array<vec4f>', places: 'read array<vec2u>', cache: 'read_write array<vec2u>' },
  cost: ({ n, kv, places }) => ({ flops: 0, bytes: (4 * n + 2 * places) * kv + 8 * places }),
});

/**
 * Copies k and v heads of qkv [N, (H + 2 Hkv) D], keys already rotated, to rows of a layer's cache [rows, 2 Hkv D]: the first
 * `places` of places [P, 2] u32 are each a row of qkv and one of the cache. The cache's are unique and exist; one of
 * qkv may go to several, and a number that is no row of it to none. Other rows of the cache stay. qkv is f32, the cache f32 or
 * f16; for f16 D is a multiple of 4.
 */
export function kvWrite(
  rec: Recorder,
  t: { qkv: Tensor; places: Tensor; cache: Tensor },
  o: { n: number; places: number; heads: number; kvHeads: number; headDim: number },
): void {
  const { kernel: variant, units: headUnits } = unitKernel(kernel, o.headDim);
  const q_units = o.heads * headUnits;
  const kv_units = 2 * o.kvHeads * headUnits;
  const count = o.places * kv_units;
  rec.dispatch(
    t.cache.dtype === 'f16' ? kernelF16 : variant,
    { qkv: t.qkv, places: t.places, cache: t.cache },
    { count, q_units, kv_units, n: o.n, kv: 2 * o.kvHeads * o.headDim, places: o.places },
    foldGrid(Math.ceil(count / WG)),
  );
}
