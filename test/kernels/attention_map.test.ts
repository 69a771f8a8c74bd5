import { expect, it } from 'vitest';
import { attention } from '../../src/kernels/attention.ts';
import { attentionMap, mapStride } from '../../src/kernels/attention_map.ts';
import { shapeOf } from '../cases/attention.ts';
import { cases } from '../cases/attention_map.ts';
import { randomSource } from '../cases/case.ts';
import { packedLayout } from '../reference/attention.ts';
import { testDevice } from '../setup/device.ts';
import { describeCases } from './driver.ts';

describeCases('attention_map', cases());

it('gives rows that add up to 1, and whose values so weighted are what attention gives, whatever the tile of queries', async () => {
  const device = await testDevice();
  const before = device.arena.live();
  const n = 37;
  const o = packedLayout(shapeOf({ heads: 6, kvHeads: 2, headDim: 16 }, n));
  const values = randomSource(5).array(n * o.qStride, 2);
  const qkv = device.upload(values, [n, o.qStride]);
  // One sequence as a forward pass packs it: the first token alone, then all the others.
  const rangesOf = (i: number) => (i === 0 ? [0, 0, 0, 1] : [0, 1, 1, i + 1]);
  const ranges = device.upload(Uint32Array.from(Array.from({ length: n }, (_, i) => rangesOf(i)).flat()), [n, 4]);
  const out = device.arena.alloc([n, 6 * 16]);
  const lse = device.arena.alloc([n, 6]);
  const t = { q: qkv, kv: qkv, ranges, lse };
  attention(device.recorder(), { ...t, out }, o);
  const attended = await device.read(out);
  const stride = mapStride(n);
  const map = new Float32Array(6 * n * stride);
  for (let first = 0; first < n; first += 10) {
    const rows = Math.min(10, n - first);
    const tile = device.arena.alloc([6, rows, stride]);
    attentionMap(device.recorder(), { ...t, out: tile }, { ...o, first, rows, keys: n });
    const read = await device.read(tile);
    for (let h = 0; h < 6; h++)
      map.set(read.subarray(h * rows * stride, (h + 1) * rows * stride), (h * n + first) * stride);
    device.arena.free(tile);
  }
  let [worstSum, worstOut] = [0, 0];
  for (let h = 0; h < 6; h++) {
    for (let i = 0; i < n; i++) {
      const row = map.subarray((h * n + i) * stride, (h * n + i + 1) * stride);
      worstSum = Math.max(worstSum, Math.abs(row.reduce((sum, p) => sum + p, 0) - 1));
      expect(row.subarray(i + 1).every((p) => p === 0)).toBe(true);
      for (let d = 0; d < 16; d++) {
        let sum = 0;
        for (let j = 0; j <= i; j++)
          sum += (row[j] as number) * (values[j * o.qStride + o.vOffset + Math.floor(h / 3) * 16 + d] as number);
        worstOut = Math.max(worstOut, Math.abs(sum - (attended[(i * 6 + h) * 16 + d] as number)));
      }
    }
  }
  expect(worstSum).toBeLessThan(5e-6);
  expect(worstOut).toBeLessThan(1e-5);
  for (const tensor of [qkv, ranges, out, lse]) device.arena.free(tensor);
  expect(device.arena.live()).toEqual(before);
});
