import source from '../../shaders/rope_kv.wgsl?raw';
import { defineKernel, type Kernel, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineUnitKernel, unitKernel } from './units.ts';

const WG = 64;

const common = {
  source,
  entry: 'rope_kv',
  params: { count: 'u32', n: 'u32', rotated: 'u32', kv: 'u32' },
  // Fixed by the model: units in half a head, heads, lanes that share a row's heads, units in a row of qkv.
  constants: { WG, HALF: 4, HEADS: 4, KV_HEADS: 2, PARTS: 1, ROW: 64 },
  variants: [{}, { PARTS: 2 }],
  workgroup: WG,
} as const;

const bindings = (stored: string) => ({
  qkv: 'read_write array<Unit>',
  positions: 'read array<u32>',
  table: 'read array<Unit>',
  places: 'read array<vec4u>',
  cache: `read_write array<${stored}>`,
});

const kernel = defineUnitKernel({
  ...common,
  name: 'rope_kv',
  include: ['rotate', 'stored_f32'],
  bindings: bindings('Unit'),
  cost: ({ n, rotated, kv }) => ({ flops: 3 * n * rotated, bytes: n * (8 * rotated + 6 * kv) }),
});

const kernelF16 = (name: string, include: string[], stored: string) =>
  defineKernel({
    ...common,
    name,
    include,
    bindings: bindings(stored),
    cost: ({ n, rotated, kv }) => ({ flops: 3 * n * rotated, bytes: n * (8 * rotated + 4 * kv) }),
  });

const vec4F16 = kernelF16('rope_kv_f16', ['unit4', 'rotate', 'half_pair', 'stored_f16'], 'vec2u');
/** For half heads that are no multiple of 4: a word of the cache has two numbers. */
const pairsF16 = kernelF16('rope_kv_f16_pairs', ['unit2', 'rotate', 'half_pair', 'stored_f16_pairs'], 'u32');

/**
 * `rope` on qkv [N, (H + 2 Hkv) D] with its bits, and a copy of the k and v heads, keys rotated, to a layer's cache
 * [rows, 2 Hkv D].
 *
 * places [P, 4] u32, P at least N, names a chain of places for each row: `places[row][3]` is the first, place p is row `places[p][1]` of the
 * cache, and `places[p][2]` the next place of the same row; 0xffffffff ends a chain, and is one without a place. Rows of
 * the cache exist and are in one chain at most; others stay. qkv is f32, the cache f32 or f16; for f16 D is a multiple of 4.
 */
export function ropeKv(
  rec: Recorder,
  t: { qkv: Tensor; positions: Tensor; table: Tensor; places: Tensor; cache: Tensor },
  o: { n: number; heads: number; kvHeads: number; headDim: number },
): void {
  const { n, heads, kvHeads, headDim } = o;
  const { kernel: variant, units: half } = launched(t.cache, headDim / 2);
  // A CPU saves the table's loads; a GPU wants the lanes.
  const parts = rec.device.caps.isSoftware ? 1 : kvHeads;
  const count = n * parts * half;
  rec.dispatch(
    variant,
    { qkv: t.qkv, positions: t.positions, table: t.table, places: t.places, cache: t.cache },
    { count, n, rotated: (heads + kvHeads) * headDim, kv: 2 * kvHeads * headDim },
    laneGrid(count, WG),
    { HALF: half, HEADS: heads, KV_HEADS: kvHeads, PARTS: parts, ROW: (heads + 2 * kvHeads) * 2 * half },
  );
}

function launched(cache: Tensor, half: number): { kernel: Kernel; units: number } {
  if (cache.dtype !== 'f16') return unitKernel(kernel, half);
  return half % 4 === 0 ? { kernel: vec4F16, units: half / 4 } : { kernel: pairsF16, units: half / 2 };
}
