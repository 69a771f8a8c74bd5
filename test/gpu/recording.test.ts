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

  it('leaves no uniforms behind once it was released and the device was trimmed, however many there were', async () => {
    device.trim();
    const { gpu } = device;
    const create = gpu.createBuffer;
    const live = new Set<GPUBuffer>();
    gpu.createBuffer = (descriptor) => {
      const buffer = create.call(gpu, descriptor);
      const destroy = buffer.destroy;
      live.add(buffer);
      buffer.destroy = () => {
        live.delete(buffer);
        return destroy.call(buffer);
      };
      return buffer;
    };
    const out = device.upload(new Float32Array(400), [400]);
    const put = (dispatches: number) =>
      rec.capture(() => {
        for (let at = 0; at < dispatches; at++) rec.dispatch(addOne, { out }, { at, value: 1 }, [1, 1, 1]);
      });
    try {
      const short = put(2);
      const long = put(390);
      expect([...live].filter(({ label }) => label === 'uniforms of recordings')).toHaveLength(2);
      // The short one's uniforms were outgrown, and it is sent all the same.
      rec.replay(short);
      rec.replay(long);
      rec.replay(short);
      rec.release(short);
      expect([...live].filter(({ label }) => label === 'uniforms of recordings')).toHaveLength(1);
      device.trim();
      // Trimming leaves it to a recording that may be sent again.
      rec.replay(long);
      rec.release(long);
      expect((await device.read(out)).slice(0, 3)).toEqual(Float32Array.of(4, 4, 2));
    } finally {
      gpu.createBuffer = create;
      arena.free(out);
      device.trim();
    }
    expect([...live].map(({ label, size }) => `${label} ${size}`)).toEqual([]);
  });

  it('copies rows to where it is sent, as they are at that point of it', async () => {
    const out = device.upload(Float32Array.of(1, 2), [2, 1]);
    const rows = device.upload(new Float32Array(7).fill(9), [7, 1]);
    const recording = rec.capture(() => {
      rec.dispatch(addOne, { out }, { at: 0, value: 10 }, [1, 1, 1]);
      rec.copyRows(out, rows, 2, 0);
      rec.dispatch(addOne, { out }, { at: 1, value: 20 }, [1, 1, 1]);
    });
    for (const row of [4, 1]) rec.replay(recording, row);
    rec.copyRows(out, rows, 2, 3);
    expect(await device.read(rows)).toEqual(Float32Array.of(9, 21, 22, 21, 42, 2, 9));
    for (const tensor of [out, rows]) arena.free(tensor);
  });

  it('refuses what it could not hold', () => {
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
