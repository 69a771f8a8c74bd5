import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { attention } from '../../src/kernels/attention.ts';
import { attentionBackward } from '../../src/kernels/attention_backward.ts';
import { cases, type Group, type Packing, pack, shapeOf } from '../cases/attention.ts';
import { randomSource } from '../cases/case.ts';
import * as reference from '../reference/attention.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import { testDevice, testDeviceOfOtherKind } from '../setup/device.ts';
import { checkCase, describeCases } from './driver.ts';

const HEADS = { heads: 4, kvHeads: 2, headDim: 32 };
const STRIDE = (HEADS.heads + 2 * HEADS.kvHeads) * HEADS.headDim;
const WIDTH = HEADS.heads * HEADS.headDim;

describeCases('attention', cases());

describe('attention without subgroups', async () => {
  const device = await testDevice({ without: ['subgroups'] });
  const some = cases().filter((c) => /small N=14 H=(7|9)|cache N=(3|11 of 3)|nothing/.test(c.shape));
  it.each(some.map((c) => [`${c.kernel} ${c.shape} matches the f64 reference`, c] as const))('%s', async (_, c) => {
    await checkCase(device, c);
  });
});

describeCases(
  'attention as launched on another kind of adapter',
  cases().filter((c) => /cache N=(11 of 3|17 keys)/.test(c.shape)),
  testDeviceOfOtherKind,
);

it('attention: the backward reference agrees with finite differences of the forward one', () => {
  const { n, ranges } = pack([{ prompt: 3, completions: [2, 1] }]);
  const o = { n, heads: 3, kvHeads: 1, headDim: 4, scale: 0.5 };
  const random = randomSource(1);
  const qkv = Float64Array.from(random.array(n * 20));
  const dout = Float64Array.from(random.array(n * 12));
  const { dqkv, delta } = reference.attentionBackward({ qkv, ranges, dout }, o);
  const forward = (x: Float64Array) => reference.attention({ q: x, kv: x, ranges }, reference.packedLayout(o)).out;
  expect(largestDifference(dqkv, centralDifferences(forward, qkv, dout))).toBeLessThan(1e-8);
  const out = forward(qkv);
  const want = delta.map((_, at) =>
    [0, 1, 2, 3].reduce((sum, d) => sum + (out[4 * at + d] as number) * (dout[4 * at + d] as number), 0),
  );
  expect(largestDifference(delta, want)).toBeLessThan(1e-12);
});

describe('one prompt shared by K completions', async () => {
  const device = await testDevice();
  const shared: Group = { prompt: 17, completions: [5, 1, 30] };
  const packing = pack([shared]);
  const random = randomSource(7);
  const qkv = random.array(packing.n * STRIDE);
  const dout = random.array(packing.n * WIDTH);
  const together = await forwardAndBackward(device, packing, qkv, dout);

  /** Row of the shared packing for each row of one sequence: the prompt, then one completion. */
  const rowsOf = (k: number) => {
    const before = shared.completions.slice(0, k).reduce((sum, length) => sum + length, shared.prompt);
    return [...range(0, shared.prompt), ...range(before, before + (shared.completions[k] as number))];
  };
  const alone = await Promise.all(
    shared.completions.map((length, k) => {
      const rows = rowsOf(k);
      const gradient = pickRows(dout, rows, WIDTH);
      // The prompt's own outputs are counted once, with the first completion.
      if (k > 0) gradient.fill(0, 0, shared.prompt * WIDTH);
      return forwardAndBackward(
        device,
        pack([{ prompt: shared.prompt, completions: [length] }]),
        pickRows(qkv, rows, STRIDE),
        gradient,
      );
    }),
  );

  it('gives every row the same bits as a sequence of its own', () => {
    alone.forEach((one, k) => {
      expect(one.out).toEqual(pickRows(together.out, rowsOf(k), WIDTH));
      expect(one.lse).toEqual(pickRows(together.lse, rowsOf(k), HEADS.heads));
    });
  });

  it("sums the prompt's gradient over the completions and keeps theirs", () => {
    const sum = new Float64Array(together.dqkv.length);
    alone.forEach((one, k) => {
      rowsOf(k).forEach((row, at) => {
        for (let c = 0; c < STRIDE; c++)
          sum[row * STRIDE + c] = (sum[row * STRIDE + c] as number) + (one.dqkv[at * STRIDE + c] as number);
      });
    });
    expect(largestDifference(Float64Array.from(together.dqkv), sum)).toBeLessThan(1e-5);
  });

  it('agrees with plain causal attention over prompt and completion in one range', async () => {
    const rows = rowsOf(2);
    const causal = await forwardAndBackward(
      device,
      pack([{ prompt: rows.length, completions: [] }]),
      pickRows(qkv, rows, STRIDE),
      pickRows(dout, rows, WIDTH),
    );
    const want = pickRows(together.out, rows, WIDTH);
    expect(largestDifference(Float64Array.from(causal.out), Float64Array.from(want))).toBeLessThan(2e-6);
  });

  it('gives a row decoded from a cache the same bits as in the training batch', async () => {
    // The cache keeps its rows backwards in blocks: the prompt last, the completions in another order.
    const blocks = [rowsOf(2).slice(17), rowsOf(0).slice(17), rowsOf(1).slice(17), range(0, 17)];
    const order = blocks.flat();
    const cacheRow = (row: number) => order.indexOf(row);
    const kv = pickRows(qkv, order, STRIDE);
    const cache = new Float32Array(order.length * (STRIDE - WIDTH));
    for (const at of order.keys())
      cache.set(kv.subarray(at * STRIDE + WIDTH, (at + 1) * STRIDE), at * (STRIDE - WIDTH));
    const queries = [rowsOf(0)[21], rowsOf(1)[17], rowsOf(2)[17], rowsOf(2)[40], rowsOf(2)[46]] as number[];
    // Two quads of rows that share the prompt, each row by itself, and so many rows that quads have more of them.
    const many = new Array<number[]>(4).fill(queries).flat();
    const batches = [queries, ...queries.map((row) => [row]), many].flatMap((rows) =>
      [false, true].map((apart) => ({ rows, apart })),
    );
    for (const { rows, apart } of batches) {
      const ranges = rows.flatMap((row) => {
        const [from, to, own] = packing.ranges.subarray(4 * row, 4 * row + 3) as unknown as [number, number, number];
        return [cacheRow(from), cacheRow(to - 1) + 1, cacheRow(own), cacheRow(row) + 1];
      });
      const q = Float32Array.from(rows.flatMap((row) => [...qkv.subarray(row * STRIDE, row * STRIDE + WIDTH)]));
      const got = await decode(device, q, cache, Uint32Array.from(ranges), apart);
      expect(got.out).toEqual(pickRows(together.out, rows, WIDTH));
      expect(got.lse).toEqual(pickRows(together.lse, rows, HEADS.heads));
    }
  });

  it('reads together no prefixes that only begin alike', async () => {
    const n = 6;
    const kv = qkv.subarray(0, 24 * (STRIDE - WIDTH));
    const q = qkv.subarray(0, n * WIDTH);
    const ranges = Array.from({ length: n }, (_, i) => [0, 16 - i, 16, 17 + i]).flat();
    const got = await decode(device, q, kv, Uint32Array.from(ranges), true);
    for (let i = 0; i < n; i++) {
      const row = q.subarray(i * WIDTH, (i + 1) * WIDTH);
      const alone = await decode(device, row, kv, Uint32Array.from(ranges.slice(4 * i, 4 * i + 4)), true);
      expect(got.out.slice(i * WIDTH, (i + 1) * WIDTH), `row ${i}`).toEqual(alone.out);
    }
  });
});

it('attention names the head_dim that it cannot take', async () => {
  const device = await testDevice();
  const tensor = device.upload(new Float32Array(64), [64]);
  const t = { q: tensor, kv: tensor, ranges: tensor, out: tensor, lse: tensor };
  for (const headDim of [6, 260]) {
    const o = reference.packedLayout(shapeOf({ heads: 1, kvHeads: 1, headDim }, 1));
    expect(() => attention(device.recorder(), t, o)).toThrow(UserError);
    expect(() => attention(device.recorder(), t, o)).toThrow(`head_dim is ${headDim}`);
  }
  device.arena.free(tensor);
});

async function forwardAndBackward(device: Device, packing: Packing, qkvData: Float32Array, doutData: Float32Array) {
  const { n } = packing;
  const o = reference.packedLayout(shapeOf(HEADS, n));
  const qkv = device.upload(qkvData, [n, STRIDE]);
  const dout = device.upload(doutData, [n, WIDTH]);
  const ranges = device.upload(packing.ranges, [n, 4]);
  const keyQueries = device.upload(packing.keyQueries, [n, 2]);
  const out = device.arena.alloc([n, WIDTH]);
  const lse = device.arena.alloc([n, HEADS.heads]);
  const delta = device.arena.alloc([n, HEADS.heads]);
  const dqkv = device.arena.alloc([n, STRIDE]);
  const rec = device.recorder();
  attention(rec, { q: qkv, kv: qkv, ranges, out, lse }, o);
  attentionBackward(rec, { qkv, out, dout, lse, delta, ranges, keyQueries, dqkv }, o);
  rec.submit();
  const result = { out: await device.read(out), lse: await device.read(lse), dqkv: await device.read(dqkv) };
  for (const tensor of [qkv, dout, ranges, keyQueries, out, lse, delta, dqkv]) device.arena.free(tensor);
  return result;
}

async function decode(
  device: Device,
  qData: Float32Array,
  cacheData: Float32Array,
  rangesData: Uint32Array,
  apart: boolean,
) {
  const n = rangesData.length / 4;
  const kvStride = STRIDE - WIDTH;
  const q = device.upload(qData, [n, WIDTH]);
  const kv = device.upload(cacheData, [cacheData.length / kvStride, kvStride]);
  const ranges = device.upload(rangesData, [n, 4]);
  const out = device.arena.alloc([n, WIDTH]);
  const lse = device.arena.alloc([n, HEADS.heads]);
  const rec = device.recorder();
  attention(
    rec,
    { q, kv, ranges, out, lse },
    { ...shapeOf(HEADS, n), qStride: WIDTH, kvStride, kOffset: 0, vOffset: kvStride / 2, apart },
  );
  rec.submit();
  const result = { out: await device.read(out), lse: await device.read(lse) };
  for (const tensor of [q, kv, ranges, out, lse]) device.arena.free(tensor);
  return result;
}

function pickRows(data: Float32Array, rows: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(rows.length * width);
  for (const [at, row] of rows.entries()) picked.set(data.subarray(row * width, (row + 1) * width), at * width);
  return picked;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
