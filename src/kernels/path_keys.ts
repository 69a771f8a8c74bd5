import source from '../../shaders/path_keys.wgsl?raw';
import { laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineWideKernel, wideKernel } from './units.ts';

const WG = 64;

const kernel = defineWideKernel({
  name: 'path_keys',
  source,
  entry: 'path_keys',
  bindings: { qkv: 'read array<Wide>', paths: 'read array<u32>', out: 'read_write array<Wide>' },
  params: { count: 'u32', q_units: 'u32', kv_units: 'u32', m: 'u32', kv: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ m, kv }) => ({ flops: 0, bytes: 8 * m * kv + 4 * m }),
});

/**
 * Keys and values in the order in which queries read them: out [M, 2 Hkv D] = the k and v heads of the rows paths [M] u32 (repeats
 * allowed) of qkv [N, (H + 2 Hkv) D]. f32.
 */
export function pathKeys(
  rec: Recorder,
  t: { qkv: Tensor; paths: Tensor; out: Tensor },
  o: { m: number; heads: number; kvHeads: number; headDim: number },
): void {
  const { kernel: variant, units } = wideKernel(rec.device, kernel, o.headDim);
  const kv_units = 2 * o.kvHeads * units;
  const count = o.m * kv_units;
  rec.dispatch(
    variant,
    { qkv: t.qkv, paths: t.paths, out: t.out },
    { count, q_units: o.heads * units, kv_units, m: o.m, kv: 2 * o.kvHeads * o.headDim },
    laneGrid(count, WG),
  );
}
