import { describe, expect, it } from 'vitest';
import { gatherHalfRows, storeHalfRows } from '../../src/kernels/half_rows.ts';
import { cases } from '../cases/half_rows.ts';
import { testDevice } from '../setup/device.ts';
import { describeCases } from './driver.ts';

const device = await testDevice();

describeCases('half_rows', cases());

describe('numbers that f16 has not', () => {
  it.each([
    ['no such', 65504, 65504, 0],
    ['a large one', -70000, -65504, 1],
    ['infinity', Number.POSITIVE_INFINITY, 65504, 1],
    ['NaN', Number.NaN, Number.NaN, 1],
  ])('are marked: %s', async (_, value, kept, mark) => {
    const inp = device.upload(
      Float32Array.from({ length: 12 }, (_, i) => (i === 6 ? value : i)),
      [3, 4],
      'f32',
      'inp',
    );
    const rows = device.upload(Uint32Array.from([0, 1, 2]), [3], 'u32', 'rows');
    const beyond = device.upload(new Uint32Array(1), [1], 'u32', 'beyond');
    const packed = device.arena.alloc([3, 4], 'f16', 'packed');
    const out = device.arena.alloc([3, 4], 'f32', 'out');
    const rec = device.recorder();
    storeHalfRows(rec, { inp, out: packed, beyond }, { n: 3, c: 4 });
    gatherHalfRows(rec, { inp: packed, rows, out }, { r: 3, c: 4 });
    rec.submit();
    expect([...(await device.read(out))]).toEqual([0, 1, 2, 3, 4, 5, kept, 7, 8, 9, 10, 11]);
    expect([...(await device.readU32(beyond))]).toEqual([mark]);
    for (const tensor of [inp, rows, beyond, packed, out]) device.arena.free(tensor);
  });
});
