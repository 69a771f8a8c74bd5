import { describe, expect, it } from 'vitest';
import { testDevice } from '../setup/device.ts';
import { addOne } from './kernels.ts';

describe("the device's counters", async () => {
  const device = await testDevice();
  const { counters } = device;

  it('count each dispatch, submit, readback and what had to be created for them', async () => {
    const before = counters.snapshot();
    const out = device.upload(Float32Array.of(0), [1]);
    const rec = device.recorder();
    for (let i = 0; i < 3; i++) rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
    expect(await device.read(out)).toEqual(Float32Array.of(3));
    // The tensor's buffer of 256 bytes and a staging buffer of 256 to read it.
    const added = {
      dispatches: 3,
      submits: 1,
      readbacks: 1,
      buffers: 2,
      bufferBytes: 512,
      pipelines: 1,
      bindGroups: 1,
    };
    expect(counters.since(before)).toEqual(added);
    device.arena.free(out);
  });

  it('count nothing as created where the same is done again', async () => {
    const before = counters.snapshot();
    const out = device.upload(Float32Array.of(0), [1]);
    device.recorder().dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
    await device.read(out);
    device.arena.free(out);
    const added = { dispatches: 1, submits: 1, readbacks: 1, buffers: 0, bufferBytes: 0, pipelines: 0, bindGroups: 0 };
    expect(counters.since(before)).toEqual(added);
  });
});
