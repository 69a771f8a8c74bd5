import { afterAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { testDevice } from '../setup/device.ts';
import { addBias } from './kernels.ts';

describe('a queue that waits for every dispatch', async () => {
  const device = await testDevice({ without: ['timestamp'] });
  const { arena } = device;
  const rec = device.recorder();
  afterAll(() => device.destroy());

  /** Every dispatch must see what was written before it, and nothing that was written after. */
  async function values(carryOut: () => Promise<unknown>): Promise<number[]> {
    const inp = device.upload(Float32Array.of(0), [1]);
    const outs: Tensor[] = [];
    const profiler = device.startProfiling();
    // The first one measures what a fence costs.
    await device.sync();
    for (let i = 0; i < 12; i++) {
      device.write(inp, Float32Array.of(i));
      const out = arena.alloc([1]);
      rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1]);
      outs.push(out);
    }
    await carryOut();
    expect((await profiler.collect()).length).toBeLessThanOrEqual(12);
    device.stopProfiling();
    const read = await device.readBytes(outs);
    for (const tensor of [inp, ...outs]) arena.free(tensor);
    return read.map((bytes) => new Float32Array(bytes.buffer)[0] as number);
  }

  const want = Array.from({ length: 12 }, (_, i) => i + 1);

  it('keeps its order when it is drained twice at once', async () => {
    expect(await values(() => Promise.all([device.sync(), device.profiler?.collect(), device.sync()]))).toEqual(want);
  });

  it('keeps its order when the rest is flushed while it is drained', async () => {
    for (const pause of [0, 0, 1, 1]) {
      const flushed = async () => {
        const drained = device.sync();
        await new Promise((resolve) => setTimeout(resolve, pause));
        device.profiler?.fenced?.flush();
        await drained;
      };
      expect(await values(flushed), `flushed after ${pause} ms`).toEqual(want);
    }
  });

  it('times a dispatch apart from the copy before it', async () => {
    const [inp, out] = [device.upload(Float32Array.of(1), [1]), arena.alloc([1])];
    device.startProfiling();
    const before = device.counters.snapshot();
    rec.copy(inp, out);
    rec.dispatch(addBias, { inp, out }, { n: 1 }, [1, 1, 1]);
    rec.clear(inp);
    rec.submit();
    expect(device.counters.since(before)).toMatchObject({ submits: 3, dispatches: 1 });
    await device.sync();
    device.stopProfiling();
    expect(await device.read(out)).toEqual(Float32Array.of(2));
    for (const tensor of [inp, out]) arena.free(tensor);
  });
});
