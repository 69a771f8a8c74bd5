import { afterEach, describe, expect, it } from 'vitest';
import { foldGrid } from '../../src/gpu/kernel.ts';
import { testDevice } from '../setup/device.ts';
import { addBias, addOne } from './kernels.ts';

describe('the recorder', async () => {
  const device = await testDevice();
  const { arena } = device;

  afterEach(() => expect(arena.live()).toEqual([]));

  it('launches nothing for a grid with a zero', async () => {
    const out = device.upload(Float32Array.of(7), [1]);
    const rec = device.recorder();
    const before = device.counters.dispatches;
    rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [0, 1, 1]);
    rec.dispatch(addOne, { out }, { at: 0, value: 1 }, foldGrid(0));
    rec.submit();
    expect(device.counters.dispatches).toBe(before);
    expect(await device.read(out)).toEqual(Float32Array.of(7));
    arena.free(out);
  });

  it('reaches every element of a grid of more than 65,535 workgroups', async () => {
    const n = 65535 + 4466;
    const grid = foldGrid(n);
    expect(grid[0]).toBeLessThanOrEqual(65535);
    expect(grid[0] * grid[1]).toBeGreaterThanOrEqual(n);
    const inp = device.upload(
      Float32Array.from({ length: n }, (_, i) => i),
      [n],
    );
    const out = arena.alloc([n]);
    const rec = device.recorder();
    rec.dispatch(addBias, { inp, out }, { n }, grid);
    rec.submit();
    const wrong = (await device.read(out)).findIndex((value, i) => value !== i + 1);
    expect(wrong).toBe(-1);
    arena.free(inp);
    arena.free(out);
  });

  it('gives each of 5000 dispatches before one submit its own parameters', async () => {
    const n = 5000;
    const out = device.upload(new Float32Array(n), [n]);
    const rec = device.recorder();
    const before = device.counters.dispatches;
    for (let i = 0; i < n; i++) rec.dispatch(addOne, { out }, { at: i, value: i + 0.5 }, [1, 1, 1]);
    rec.submit();
    expect(device.counters.dispatches - before).toBe(n);
    expect((await device.read(out)).findIndex((value, i) => value !== i + 0.5)).toBe(-1);
    arena.free(out);
  });

  it('lets no write overtake what was recorded before it', async () => {
    const inp = device.upload(Float32Array.of(1, 2), [2]);
    const first = arena.alloc([2]);
    const second = arena.alloc([2]);
    const rec = device.recorder();
    rec.dispatch(addBias, { inp, out: first }, { n: 2 }, [2, 1, 1]);
    device.write(inp, Float32Array.of(10, 20));
    rec.dispatch(addBias, { inp, out: second }, { n: 2 }, [2, 1, 1]);
    rec.submit();
    expect(await device.read(first)).toEqual(Float32Array.of(2, 3));
    expect(await device.read(second)).toEqual(Float32Array.of(11, 21));
    for (const t of [inp, first, second]) arena.free(t);
  });

  it('runs dispatches, copies and clears in the order in which they were recorded', async () => {
    const a = device.upload(Float32Array.of(1, 2), [2]);
    const b = device.upload(Float32Array.of(9, 9), [2]);
    const rec = device.recorder();
    rec.dispatch(addOne, { out: a }, { at: 0, value: 10 }, [1, 1, 1]);
    rec.copy(a, b);
    rec.clear(a);
    rec.dispatch(addOne, { out: a }, { at: 1, value: 4 }, [1, 1, 1]);
    rec.copy(a, b, 4, 4, 4);
    rec.submit();
    expect(await device.read(a)).toEqual(Float32Array.of(0, 4));
    expect(await device.read(b)).toEqual(Float32Array.of(11, 4));
    arena.free(a);
    arena.free(b);
  });

  it('can go on after a submit, and submits nothing where nothing was recorded', async () => {
    const out = device.upload(Float32Array.of(0), [1]);
    const rec = device.recorder();
    rec.submit();
    for (let i = 0; i < 3; i++) {
      rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
      rec.submit();
    }
    expect(await device.read(out)).toEqual(Float32Array.of(3));
    arena.free(out);
  });

  it('makes another pipeline for other constants', async () => {
    const inp = device.upload(Float32Array.of(1, 2), [2]);
    const out = arena.alloc([2]);
    const rec = device.recorder();
    rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1]);
    rec.dispatch(addBias, { inp, out }, { n: 2 }, [2, 1, 1], { BIAS: '0.5' });
    rec.submit();
    expect(await device.read(out)).toEqual(Float32Array.of(1.5, 2.5));
    arena.free(inp);
    arena.free(out);
  });

  it('reads back an odd number of two-byte elements', async () => {
    const halves = Uint16Array.of(0x3c00, 0x4000, 0x4200);
    const tensor = device.upload(halves, [3], 'f16');
    const [bytes] = await device.readBytes([tensor]);
    expect(new Uint16Array((bytes as Uint8Array).buffer)).toEqual(halves);
    arena.free(tensor);
  });

  it('says which tensor or parameter is missing, and which constant no kernel has', () => {
    const out = arena.alloc([1]);
    const rec = device.recorder();
    expect(() => rec.dispatch(addOne, {}, { at: 0, value: 1 }, [1, 1, 1])).toThrow(
      'test_add_one: nothing is bound to out',
    );
    expect(() => rec.dispatch(addOne, { out }, { at: 0 }, [1, 1, 1])).toThrow(
      'test_add_one: parameter value is missing',
    );
    const constants = { BIAS: '3.5', SPAN: 2 };
    expect(() => rec.dispatch(addBias, { inp: out, out }, { n: 1 }, [1, 1, 1], constants)).toThrow(
      'test_add_bias declares no constant SPAN',
    );
    arena.free(out);
  });

  it.skipIf(!device.caps.timestamp)(
    'times every dispatch while it profiles, more than one query set holds too',
    async () => {
      const out = device.upload(Float32Array.of(0), [1]);
      const profiler = device.startProfiling();
      const rec = device.recorder();
      for (let i = 0; i < 1500; i++) rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
      rec.submit();
      const timed = await profiler.collect();
      device.stopProfiling();
      expect(timed.length).toBe(1500);
      for (const dispatch of timed) {
        expect(dispatch).toMatchObject({ name: 'test_add_one', flops: 1, bytes: 8 });
        expect(dispatch.nanoseconds).toBeGreaterThanOrEqual(0);
      }
      expect(await device.read(out)).toEqual(Float32Array.of(1500));
      arena.free(out);
    },
  );
});
