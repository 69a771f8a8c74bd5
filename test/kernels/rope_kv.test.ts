import { expect, it } from 'vitest';
import { f32ToF16 } from '../../src/gpu/floats.ts';
import { rope, ropeTable } from '../../src/kernels/rope.ts';
import { ropeKv } from '../../src/kernels/rope_kv.ts';
import { randomSource } from '../cases/case.ts';
import { cases, chains } from '../cases/rope_kv.ts';
import { kvWrite } from '../reference/rope.ts';
import { testDevice, testDeviceOfOtherKind } from '../setup/device.ts';
import { describeCases } from './driver.ts';

describeCases('rope_kv', cases());
describeCases('rope_kv as on the other kind of adapter', cases(), testDeviceOfOtherKind);

const halved = (x: number) => f32ToF16(Math.max(-65504, Math.min(65504, x)));

it.each([
  ['this adapter', testDevice],
  ['the other kind', testDeviceOfOtherKind],
])('leaves qkv with the bits of a rotation alone, and copies of them in the cache, on %s', async (_, open) => {
  const device = await open();
  const random = randomSource(3);
  const [n, places] = [5, 17];
  for (const headDim of [8, 12, 64]) {
    const shape = { n, heads: 4, kvHeads: 2, headDim };
    const [columns, width] = [8 * headDim, 4 * headDim];
    const numbers = random.array(n * columns);
    // Keys and values that f16 cannot hold.
    numbers.set([1e9, -1e9, 65504, 1e-7], columns - 4);
    numbers.set([-1e9, 1e-7, 65519, 1e9], 4 * headDim);
    const qkv = device.upload(numbers, [n, columns], 'f32', 'qkv');
    const turned = device.upload(numbers, [n, columns], 'f32', 'turned');
    const positions = device.upload(Uint32Array.of(0, 7, 30, 2, 299), [n], 'u32', 'positions');
    const table = device.upload(ropeTable(300, headDim, 10000), [300, headDim / 2, 2], 'f32', 'table');
    const chain = chains(n, places);
    const placed = device.upload(chain, [places, 4], 'u32', 'places');
    for (const dtype of ['f32', 'f16'] as const) {
      device.write(qkv, numbers);
      device.write(turned, numbers);
      const cache = device.arena.alloc([2 * places, width], dtype, 'cache');
      const before = random.array(2 * places * width);
      const stored = dtype === 'f16' ? Uint16Array.from(before, halved) : before;
      device.write(cache, new Uint8Array(stored.buffer));
      rope(device.recorder(), { qkv: turned, positions, table }, shape);
      ropeKv(device.recorder(), { qkv, positions, table, places: placed, cache }, shape);
      const bytes = (await device.readBytes([turned, qkv, cache])) as [Uint8Array, Uint8Array, Uint8Array];
      expect(bytes[1]).toEqual(bytes[0]);
      const rotated = Float64Array.from(new Float32Array(bytes[0].buffer));
      const want = kvWrite(rotated, Float64Array.from(chain), Float64Array.from(before), shape);
      const wanted = dtype === 'f16' ? Uint16Array.from(want, halved) : Float32Array.from(want);
      expect(bytes[2]).toEqual(new Uint8Array(wanted.buffer));
      device.arena.free(cache);
    }
    for (const tensor of [qkv, turned, positions, table, placed]) device.arena.free(tensor);
  }
});
