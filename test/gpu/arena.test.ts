import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatBytes } from '../../src/gpu/bytes.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { testDevice } from '../setup/device.ts';
import { addBias } from './kernels.ts';

describe('the arena', async () => {
  const device = await testDevice();
  const { arena } = device;

  afterEach(() => expect(arena.live()).toEqual([]));

  it('gives a freed buffer to the next tensor of its size class', () => {
    const first = arena.alloc([1000]);
    arena.free(first);
    const before = arena.allocatedBytes;
    const second = arena.alloc([10, 101]);
    expect(second.buffer).toBe(first.buffer);
    expect(arena.allocatedBytes).toBe(before);
    arena.free(second);
  });

  it('never gives one buffer to two tensors', () => {
    const tensors = Array.from({ length: 20 }, () => arena.alloc([64]));
    expect(new Set(tensors.map((t) => t.buffer)).size).toBe(20);
    for (const t of tensors) arena.free(t);
  });

  it('wastes at most a fifth of a buffer above 1 KiB', () => {
    for (const n of [257, 300, 511, 513, 1025, 5000, 65537, 100001]) {
      const t = arena.alloc([n]);
      expect(t.bytes).toBe(4 * n);
      expect(t.buffer.size).toBeGreaterThanOrEqual(t.bytes);
      expect(t.buffer.size * 0.8).toBeLessThanOrEqual(t.bytes);
      arena.free(t);
    }
  });

  it('has room for empty tensors', async () => {
    const t = arena.alloc([0, 128]);
    expect(await device.read(t)).toEqual(new Float32Array(0));
    arena.free(t);
  });

  it('hands out the same buffers to a step like the one before, in whatever order they came back', () => {
    const step = (order: readonly number[]) => {
      const tensors = [40, 41, 42].map((n) => arena.alloc([n]));
      for (const i of order) arena.free(tensors[i]);
      return tensors.map((tensor) => tensor.buffer);
    };
    const first = step([0, 1, 2]);
    for (const order of [
      [2, 1, 0],
      [1, 0, 2],
      [0, 2, 1],
    ])
      expect(step(order)).toEqual(first);
  });

  it('throws on a double free, and takes undefined', () => {
    const t = arena.alloc([3], 'f32', 'grad');
    arena.free(t);
    expect(() => arena.free(t)).toThrow('grad was freed twice');
    arena.free(undefined);
  });

  it('makes a bind group once for the same buffers, and again after they were destroyed', () => {
    const made = vi.spyOn(device.gpu, 'createBindGroup');
    const step = () => {
      const inp = arena.alloc([40]);
      const out = arena.alloc([40]);
      const rec = device.recorder();
      rec.dispatch(addBias, { inp, out }, { n: 40 }, [40, 1, 1]);
      rec.submit();
      arena.free(out);
      arena.free(inp);
    };
    for (let i = 0; i < 5; i++) step();
    expect(made).toHaveBeenCalledTimes(1);
    arena.trim();
    step();
    expect(made).toHaveBeenCalledTimes(2);
    made.mockRestore();
  });

  it('destroys idle buffers in trim and counts what is left', async () => {
    arena.trim();
    const kept = device.upload(Float32Array.of(1, 2, 3), [3]);
    const idle = arena.alloc([5000]);
    arena.free(idle);
    expect(arena.allocatedBytes).toBe(kept.buffer.size + idle.buffer.size);
    arena.trim();
    expect(arena.allocatedBytes).toBe(kept.buffer.size);
    expect(arena.liveBytes).toBe(kept.buffer.size);
    expect(arena.peakBytes).toBeGreaterThanOrEqual(kept.buffer.size + idle.buffer.size);
    expect(await device.read(kept)).toEqual(Float32Array.of(1, 2, 3));
    arena.free(kept);
    arena.trim();
    expect(arena.allocatedBytes).toBe(0);
  });

  it('runs what was recorded with a buffer before it destroys the buffer', async () => {
    const inp = device.upload(Float32Array.of(1, 2), [2]);
    const out = arena.alloc([2]);
    device.recorder().dispatch(addBias, { inp, out }, { n: 2 }, [2, 1, 1]);
    arena.free(inp);
    arena.trim();
    expect(await device.read(out)).toEqual(Float32Array.of(2, 3));
    arena.free(out);
  });

  it('leaves nothing on a device that is trimmed, the buffers of reading back included', async () => {
    const empty = await testDevice({});
    expect(empty.allocatedBytes).toBe(0);
    const tensors = [1, 1000].map((n) => empty.upload(new Float32Array(n), [n]));
    await empty.readBytes(tensors);
    for (const tensor of tensors) empty.arena.free(tensor);
    expect(empty.allocatedBytes).toBeGreaterThan(8000);
    empty.trim();
    expect(empty.allocatedBytes).toBe(0);
    const again = empty.upload(Float32Array.of(7), [1]);
    expect(await empty.read(again)).toEqual(Float32Array.of(7));
  });

  it('refuses a tensor above the binding limit, naming its bytes and the limit', () => {
    const elements = device.caps.maxBinding / 4 + 1;
    const limit = formatBytes(device.caps.maxBinding);
    expect(() => arena.alloc([elements], 'f32', 'logits')).toThrow(UserError);
    expect(() => arena.alloc([elements], 'f32', 'logits')).toThrow(
      new RegExp(`logits \\[${elements}\\] needs [\\d.]+ [MG]iB.*binds at most ${limit} at once`),
    );
  });
});

describe('a memory budget', async () => {
  const device = await testDevice({ memoryBudget: 2 ** 20 });
  const { arena } = device;

  it('is refused with the bytes asked for, in use and allowed', () => {
    const half = arena.alloc([2 ** 17], 'f32', 'half');
    const over = () => arena.alloc([3 * 2 ** 16], 'f32', 'keys');
    expect(over).toThrow(UserError);
    expect(over).toThrow(/keys \[196608\] needs 768 KiB more, 512 KiB are in use and the memory budget is 1 MiB/);
    arena.free(half);
  });

  it('can be changed, for what is allocated from then on', () => {
    const half = arena.alloc([2 ** 17]);
    arena.budget = 2 ** 19;
    expect(() => arena.alloc([2 ** 17])).toThrow(/512 KiB are in use and the memory budget is 512 KiB/);
    arena.budget = 2 ** 20;
    arena.free(arena.alloc([2 ** 17]));
    arena.free(half);
  });

  it('destroys idle buffers before it refuses', () => {
    arena.free(arena.alloc([2 ** 17]));
    const large = arena.alloc([2 ** 18]);
    expect(arena.allocatedBytes).toBe(2 ** 20);
    arena.free(large);
  });
});
