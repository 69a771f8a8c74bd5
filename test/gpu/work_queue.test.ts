import { afterEach, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { GpuError } from '../../src/gpu/errors.ts';
import { defineKernel } from '../../src/gpu/kernel.ts';
import { testDevice } from '../setup/device.ts';
import { addBias, addOne } from './kernels.ts';

const broken = defineKernel({
  ...addOne,
  name: 'test_broken_later',
  source: '@compute @workgroup_size(1) fn main() { out[params.at] += nothing; }',
});

/** Of which no device has a pipeline yet. */
const FRESH = { BIAS: '7.0' };

describe('a queue with pipelines that are still being made', async () => {
  const device = await testDevice({});
  const { arena } = device;
  const rec = device.recorder();

  afterEach(() => expect(arena.live()).toEqual([]));

  /** Uploads, two kinds of dispatches, copies, clears, a recording and the end of an idle buffer, in one order. */
  async function all(device: Device): Promise<number[][]> {
    const { arena } = device;
    const rec = device.recorder();
    const inp = device.upload(Float32Array.of(1, 2), [2]);
    const filled = () => device.upload(Float32Array.of(0, 0), [2]);
    const [a, b, c, d, e] = [filled(), filled(), filled(), filled(), filled()] as const;
    // 3000 dispatches take the uniforms twice: the later ones must not be seen by the earlier.
    for (let i = 0; i < 3000; i++) rec.dispatch(addOne, { out: a }, { at: i % 2, value: i === 0 ? 0.5 : 1 }, [1, 1, 1]);
    rec.dispatch(addBias, { inp, out: b }, { n: 2 }, [2, 1, 1], FRESH);
    device.write(inp, Float32Array.of(10, 20));
    rec.dispatch(addBias, { inp, out: c }, { n: 2 }, [2, 1, 1], FRESH);
    rec.copy(c, d);
    rec.clear(c);
    const recording = rec.capture(() => rec.dispatch(addOne, { out: d }, { at: 1, value: 4 }, [1, 1, 1]));
    rec.replay(recording);
    rec.replay(recording);
    rec.release(recording);
    // A buffer that is used by what waits, and destroyed before it is sent.
    const gone = device.upload(Float32Array.of(5, 6), [999]);
    rec.copy(gone, e, 8);
    arena.free(gone);
    arena.trim();
    device.write(inp, Float32Array.of(0, 0));
    const read = await device.readBytes([a, b, c, d, e, inp]);
    for (const tensor of [a, b, c, d, e, inp]) arena.free(tensor);
    return read.map((bytes) => [...new Float32Array(bytes.buffer)]);
  }

  it('carries everything out in its order', async () => {
    const want = [
      [1499.5, 1500],
      [8, 9],
      [0, 0],
      [17, 35],
      [5, 6],
      [0, 0],
    ];
    const atOnce = await testDevice({ compileInBackground: false });
    expect(await all(atOnce)).toEqual(want);
    expect(await all(device)).toEqual(want);
    expect(await all(device), 'with the pipelines there').toEqual(want);
  });

  it('goes on with other work while one is being made, and makes several at once', async () => {
    const out = arena.alloc([1]);
    const inp = device.upload(Float32Array.of(1), [1]);
    const made = [21, 22, 23].map((bias) => device.pipelines.get(addBias, { BIAS: `${bias}.0` }, [inp, out]));
    expect(made.map(({ handle }) => handle)).toEqual([undefined, undefined, undefined]);
    await Promise.all(made.map(({ making }) => making));
    expect(made.map(({ handle }) => handle !== undefined)).toEqual([true, true, true]);
    rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1], { BIAS: '22.0' });
    expect(await device.read(out)).toEqual(Float32Array.of(23));
    for (const tensor of [inp, out]) arena.free(tensor);
  });

  it('is profiled too', async () => {
    const inp = device.upload(Float32Array.of(1), [1]);
    const out = arena.alloc([1]);
    rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1], { BIAS: '31.0' });
    // Begun while the first still waits.
    const profiler = device.startProfiling();
    rec.dispatch(addBias, { inp: out, out: inp }, { n: 1 }, [1, 1, 1], { BIAS: '31.0' });
    expect(await device.read(inp)).toEqual(Float32Array.of(63));
    expect((await profiler.collect()).map(({ name }) => name)).toEqual(['test_add_bias']);
    device.stopProfiling();
    for (const tensor of [inp, out]) arena.free(tensor);
  });

  it('tells of one that failed each time it is used, in a recording too, and goes on without it', async () => {
    const out = device.upload(Float32Array.of(3), [1]);
    const recording = rec.capture(() => rec.dispatch(broken, { out }, { at: 0, value: 1 }, [1, 1, 1]));
    for (let i = 0; i < 3; i++) {
      rec.replay(recording);
      const error = await device.read(out).then(
        () => expect.fail('it did not fail'),
        (error) => error as Error,
      );
      expect(error).toBeInstanceOf(GpuError);
      expect(error.message).toContain('test_broken_later did not compile');
      expect(await device.read(out)).toEqual(Float32Array.of(3));
    }
    rec.release(recording);
    rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
    expect(await device.read(out)).toEqual(Float32Array.of(4));
    arena.free(out);
  });

  it('tells of one that failed in a recording also where that is sent with others that are being made', async () => {
    const [inp, out, other] = [device.upload(Float32Array.of(1), [1]), arena.alloc([1]), arena.alloc([1])];
    const recording = rec.capture(() => rec.dispatch(broken, { out }, { at: 0, value: 1 }, [1, 1, 1]));
    rec.replay(recording);
    await expect(device.read(out)).rejects.toThrow('test_broken_later did not compile');
    rec.dispatch(addBias, { inp, out: other }, { n: 1 }, [1, 1, 1], { BIAS: '41.0' });
    rec.replay(recording);
    await expect(device.read(other)).rejects.toThrow('test_broken_later did not compile');
    rec.release(recording);
    for (const tensor of [inp, out, other]) arena.free(tensor);
  });

  it('tells each of those who wait at once', async () => {
    const out = device.upload(Float32Array.of(3), [1]);
    const refused = arena.alloc([2]);
    const failing = [
      () => rec.dispatch(broken, { out }, { at: 0, value: 1 }, [1, 1, 1]),
      () => rec.dispatch(addBias, { inp: refused, out: refused }, { n: 2 }, [2, 1, 1]),
    ];
    for (const fail of failing) {
      fail();
      rec.submit();
      const told = await Promise.allSettled([device.read(out), device.sync(), device.read(out)]);
      expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(await device.read(out)).toEqual(Float32Array.of(3));
    }
    for (const tensor of [out, refused]) arena.free(tensor);
  });
});

describe.each([
  ['timestamps', []],
  ['submits', ['timestamp' as const]],
])('a profiler by %s, begun while pipelines are being made', async (method, without) => {
  const device = await testDevice({ without });
  const { arena } = device;
  const rec = device.recorder();

  afterEach(() => expect(arena.live()).toEqual([]));

  it('tells of what waited, and ends while it still waits', async () => {
    const [inp, out] = [device.upload(Float32Array.of(1), [1]), device.upload(Float32Array.of(0), [1])];
    rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
    await device.sync();

    rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1], { BIAS: '51.0' });
    const profiler = device.startProfiling();
    expect(profiler.method).toBe(method);
    rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
    rec.submit();
    expect((await profiler.collect()).map(({ name }) => name)).toEqual(['test_add_one']);
    device.stopProfiling();
    expect(await device.read(out)).toEqual(Float32Array.of(53));

    rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1], { BIAS: '52.0' });
    device.startProfiling();
    rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
    device.stopProfiling();
    expect(await device.read(out)).toEqual(Float32Array.of(54));
    for (const tensor of [inp, out]) arena.free(tensor);
  });

  it('times what uses one of them, and keeps the order where timing is switched', async () => {
    const [inp, out] = [device.upload(Float32Array.of(1), [1]), device.upload(Float32Array.of(0), [1])];
    const send = () => rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1], { BIAS: '61.0' });
    send();
    const profiler = device.startProfiling();
    send();
    rec.copy(out, inp);
    profiler.timing = false;
    send();
    rec.copy(out, inp);
    device.write(out, Float32Array.of(0));
    profiler.timing = true;
    send();
    expect(await device.read(out)).toEqual(Float32Array.of(1 + 3 * 61));
    // What was flushed when timing ended has no time of its own by submits.
    expect(await profiler.collect()).toHaveLength(method === 'submits' ? 1 : 2);
    device.stopProfiling();
    for (const tensor of [inp, out]) arena.free(tensor);
  });
});
