import { afterEach, describe, expect, it } from 'vitest';
import { Pool } from '../../src/gpu/arena.ts';
import { testDevice } from '../setup/device.ts';
import { addBias, addOne } from './kernels.ts';

describe('a recording', async () => {
  const device = await testDevice();
  const { arena, counters } = device;
  const rec = device.recorder();

  afterEach(() => expect(arena.live()).toEqual([]));

  it('sends nothing when it is made, and the same again each time it is sent, creating nothing', async () => {
    const first = device.upload(Float32Array.of(1, 2), [2]);
    const second = device.upload(Float32Array.of(0, 0), [2]);
    const recording = rec.capture(() => {
      rec.dispatch(addBias, { inp: first, out: second }, { n: 2 }, [2, 1, 1]);
      rec.dispatch(addBias, { inp: second, out: first }, { n: 2 }, [2, 1, 1]);
    });
    expect(await device.read(first)).toEqual(Float32Array.of(1, 2));
    const before = counters.snapshot();
    for (let i = 0; i < 3; i++) rec.replay(recording);
    rec.submit();
    expect(counters.since(before)).toEqual({
      dispatches: 6,
      submits: 1,
      readbacks: 0,
      buffers: 0,
      bufferBytes: 0,
      pipelines: 0,
      bindGroups: 0,
    });
    expect(await device.read(first)).toEqual(Float32Array.of(7, 8));
    for (const tensor of [first, second]) arena.free(tensor);
  });

  it('keeps its own parameters beside those of others, and what was recorded before it keeps its', async () => {
    const out = device.upload(new Float32Array(200), [200]);
    const put = (from: number, to: number, value: number) =>
      rec.capture(() => {
        for (let at = from; at < to; at++) rec.dispatch(addOne, { out }, { at, value }, [1, 1, 1]);
      });
    // The second has more dispatches than room was made for with the first.
    const recordings = [put(0, 3, 1), put(3, 199, 2), put(0, 2, 3)] as const;
    rec.dispatch(addOne, { out }, { at: 199, value: 9 }, [1, 1, 1]);
    for (const i of [0, 1, 0, 2] as const) rec.replay(recordings[i]);
    rec.submit();
    const want = Float32Array.from({ length: 200 }, (_, i) => (i < 2 ? 5 : i < 199 ? 2 : 9));
    expect(await device.read(out)).toEqual(want);
    arena.free(out);
  });

  it('refuses a copy, which it could not hold', () => {
    const out = device.upload(Float32Array.of(0), [1]);
    expect(() => rec.capture(() => rec.clear(out))).toThrow(/clears nothing/);
    arena.free(out);
  });

  it('has the buffers of its pool to itself until they are given back', () => {
    const pool = new Pool();
    const [big, small] = arena.within(pool, () => {
      const tensors = [arena.alloc([4096]), arena.alloc([1024])] as const;
      for (const tensor of tensors) arena.free(tensor);
      return tensors;
    });
    const outside = arena.alloc([4096]);
    expect(outside.buffer).not.toBe(big.buffer);
    const again = arena.within(pool, () => [arena.alloc([3000]), arena.alloc([900])] as const);
    expect(again.map(({ buffer }) => buffer)).toEqual([big.buffer, small.buffer]);
    for (const tensor of again) arena.within(pool, () => arena.free(tensor));
    arena.drain(pool);
    const drained = arena.alloc([4096]);
    expect([big.buffer]).toContain(drained.buffer);
    for (const tensor of [outside, drained]) arena.free(tensor);
  });
});
