import { beforeAll, describe, expect, it } from 'vitest';
import { caseRow } from '../../bench/case_rows.ts';
import { Comparison } from '../../bench/comparison.ts';
import type { Peer } from '../../bench/contestant.ts';
import { disturbance, environmentOf } from '../../bench/environment.ts';
import { SHAPES } from '../../bench/families.ts';
import { interleaved, ratios } from '../../bench/measure.ts';
import { ours } from '../../bench/ours.ts';
import { errorOf, exact, inputsOf, matmul, PROBLEM_NAMES, problems } from '../../bench/problems.ts';
import { type Row, Rows } from '../../bench/row.ts';
import { rowsTable } from '../../bench/rows_table.ts';
import { type BenchOptions, runBench } from '../../bench/run.ts';
import { timing } from '../../src/gpu/timing.ts';
import { linearCase } from '../cases/linear.ts';
import type { ModelShape } from '../cases/shapes.ts';
import { testDevice } from '../setup/device.ts';

const demo = SHAPES.demo as ModelShape;

async function run(only: string[], options: Partial<BenchOptions> = {}): Promise<Row[]> {
  const rows: Row[] = [];
  await runBench(await testDevice(), {
    only,
    models: [demo],
    peers: false,
    peersFolder: '',
    compared: false,
    all: false,
    profile: undefined,
    toggles: [],
    endToEnd: () => Promise.reject(new Error('no end-to-end row was asked for')),
    section: () => {},
    emit: (row) => rows.push(row),
    note: () => {},
    ...options,
  });
  return rows;
}

describe('a benchmark run', () => {
  let rows: Row[] = [];
  const turns: unknown[] = [];
  beforeAll(async () => {
    rows = await run(['gather_rows'], { onTurn: (...turn) => turns.push(turn) });
  });

  it('tells how far it is, before each measurement and after the last of a part', () => {
    const part = 'kernels of rows';
    expect(turns).toEqual([
      ['roofline', 0, 1],
      ['roofline', 1, 1],
      [part, 0, 2, 'gather_rows demo N=64'],
      [part, 1, 2, 'gather_rows demo N=1024'],
      [part, 2, 2, ''],
    ]);
  });

  it('measures a roofline of arithmetic and of bandwidth', () => {
    const [copy, multiplyAdd] = rows;
    expect(copy).toMatchObject({ name: 'roofline_copy', impl: 'trimtab' });
    expect(copy?.gbps).toBeGreaterThan(0);
    expect(multiplyAdd).toMatchObject({ name: 'roofline_multiply_add', impl: 'trimtab' });
    expect(multiplyAdd?.gflops).toBeGreaterThan(0);
  });

  it('has the asked kernel at the asked shapes only, with every key that scripts read', () => {
    const kernels = rows
      .filter(({ name }) => !name.startsWith('roofline'))
      .map((row) => JSON.parse(JSON.stringify(row)));
    expect(kernels.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      'gather_rows demo N=64',
      'gather_rows demo N=1024',
    ]);
    for (const row of kernels) {
      expect(row).toMatchObject({
        impl: 'trimtab',
        dtype: 'f32',
        ms: expect.any(Number),
        gflops: 0,
        gbps: expect.any(Number),
      });
      expect(row.ms).toBeGreaterThan(0);
      expect(row.roofline).toBeGreaterThan(0);
      expect(row.p25).toBeLessThanOrEqual(row.median);
      expect(row.median).toBeLessThanOrEqual(row.p75);
      expect(row.repeats).toBeGreaterThanOrEqual(3);
    }
  });

  it('times by the clock where the adapter has no timestamps', async () => {
    const device = await testDevice({ without: ['timestamp'] });
    const rows = new Rows('adapter', { gflops: 1, gbps: 1 });
    const row = await caseRow(device, rows, linearCase({ m: 64, n: 128, k: 128 }), false);
    expect(row).toMatchObject({ method: 'wall', shape: 'M=64 N=128 K=128 bf16' });
    expect(row.gflops).toBeCloseTo((2 * 64 * 128 * 128) / (row.ms as number) / 1e6);
  });

  it('names what there is when a row does not exist', async () => {
    await expect(run(['mathmul'])).rejects.toThrow(/"mathmul".*matmul.*training_pass/s);
  });

  it('leaves out, with the reason, what a slow adapter would take seconds for', async () => {
    const device = await testDevice();
    const rows = new Rows('slow', { gflops: 1e-3, gbps: 1 });
    const slow = { ...device, caps: { ...device.caps, isSoftware: true } } as typeof device;
    const row = await caseRow(slow, rows, linearCase({ m: 64, n: 128, k: 128 }), false);
    expect(row).toMatchObject({ name: 'linear', dtype: 'bf16', ms: null, skipped: expect.stringContaining('2.1 s') });
    expect(rowsTable([row])).toContain('skipped: at least 2.1 s');
  });
});

describe('what is computed from measurements', () => {
  it('explains under the table the words that occur in it, and no others', () => {
    const rows = new Rows('adapter', { gflops: 1, gbps: 1 });
    const id = { name: 'training_pass', impl: 'trimtab', shape: '', dtype: 'bf16' };
    const last = (...args: Parameters<Rows['timed']>) =>
      rowsTable([rows.timed(...args)])
        .split('\n')
        .at(-1);
    expect(last(id, timing([4], 'wall'), undefined)).toBe('n: times measured');
    expect(last(id, timing([4], 'wall'), undefined, { ratio_to_forward: 2, floor: 1.9 })).toBe(
      'n: times measured; floor: the least ratio that the operations of the shapes allow',
    );
    expect(last(id, timing([4], 'wall'), { flops: 1, bytes: 1 }, { product_share: 0.8 })).toBe(
      'roof: share of what the measured roofline allows; n: times measured; product rate: the same products alone, in turns',
    );
    expect(rowsTable([rows.skipped(id, 'too slow')])).not.toContain('times measured');
  });

  it('takes quartiles between samples', () => {
    expect(timing([4, 1, 3, 2], 'wall')).toMatchObject({ median: 2.5, p25: 1.75, p75: 3.25, fastest: 1, repeats: 4 });
  });

  it('takes ratios of what was measured side by side, not of medians', () => {
    // Unequal steps, each twice as fast as the same step of the other but for one: medians say 20 / 20.
    expect(ratios([20, 40, 4, 60, 12], [10, 20, 2, 60, 20])).toMatchObject({ median: 2, p25: 1, p75: 2, repeats: 5 });
  });

  it('turns the order of contestants about every round', async () => {
    const order: string[] = [];
    const contender = (name: string) => ({
      async batch() {
        order.push(name);
        await new Promise((resolve) => setTimeout(resolve, 10));
      },
    });
    const times = await interleaved([contender('a'), contender('b'), contender('c')], 3);
    expect(order.slice(-9).join('')).toBe('abccbaabc');
    expect(times.map(({ samples }) => samples.length)).toEqual([3, 3, 3]);
  });

  it('warns of a machine that computes something else', () => {
    const environment = environmentOf('adapter', [], null, '.');
    expect(disturbance({ ...environment, load: 0.5 })).toBeUndefined();
    expect(disturbance({ ...environment, load: 1.25 })).toContain(
      'something else is running: the load average is 1.25',
    );
  });

  it('takes as the roof whichever of arithmetic and bandwidth asks for more time', () => {
    const rows = new Rows('adapter', { gflops: 100, gbps: 10 });
    expect(rows.leastMs({ flops: 2e8, bytes: 1e6 })).toBeCloseTo(2);
    expect(rows.leastMs({ flops: 2e8, bytes: 1e8 })).toBeCloseTo(10);
    const id = { name: 'matmul', impl: 'trimtab', shape: '1x1x1', dtype: 'f32' };
    expect(rows.timed(id, timing([4], 'wall'), { flops: 2e8, bytes: 0 })).toMatchObject({
      ms: 4,
      gflops: 50,
      roofline: 0.5,
    });
  });
});

describe('the check of compared implementations', () => {
  it('sees trimtab right on every task', async () => {
    const device = await testDevice();
    const tasks = problems([{ ...demo, c: 20, f: 12, v: 37 }], false);
    expect(new Set(tasks.map((p) => p.name))).toEqual(new Set(PROBLEM_NAMES));
    for (const p of tasks) {
      const contestant = ours(device, p, inputsOf(p));
      expect(await contestant.error(), `${p.name} ${p.shape}`).toBeLessThan(1e-5);
      contestant.free();
    }
    expect(device.arena.live()).toEqual([]);
  });

  it('names those that a speed-up is over where somebody was not counted', async () => {
    const device = await testDevice();
    const peer = (impl: string, options: { error?: number } & Partial<Peer> = {}): Peer => ({
      impl,
      async prepare(problem, inputs) {
        const right = ours(device, problem, inputs);
        return { ...right, impl, error: async () => options.error ?? right.error() };
      },
      ...options,
    });
    const p = matmul('demo', 8, 16, 32);
    const rows = new Rows('adapter', { gflops: 1e6, gbps: 1e6 });
    const remarks = async (...peers: Peer[]) => (await new Comparison(device, rows, peers, true).rows(p))[0] as Row;
    expect((await remarks(peer('one'), peer('two'))).note).toBeUndefined();
    const row = await remarks(peer('one'), peer('wrong', { error: 0.16 }), peer('other', { supports: () => false }));
    expect(row.speedup).toBeGreaterThan(0);
    expect(row.note).toBe(
      'fastest peer of one; wrong: its result is off by 1.6e-1 of the largest value; other: has no such operation',
    );
    expect(device.arena.live()).toEqual([]);
  });

  it('accepts the exact product and refuses it with one factor changed', () => {
    const p = matmul('demo', 5, 7, 9);
    const inputs = inputsOf(p);
    const right = Float64Array.from({ length: 35 }, (_, i) => exact(p, inputs, i));
    expect(errorOf(p, inputs, right)).toBe(0);
    expect(
      errorOf(
        p,
        inputs,
        right.map((value) => 1.01 * value),
      ),
    ).toBeCloseTo(0.01);
    expect(
      errorOf(
        p,
        inputs,
        right.map((value, i) => (i === 34 ? Number.NaN : value)),
      ),
    ).toBeNaN();
  });
});
