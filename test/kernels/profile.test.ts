import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import type { Span } from '../../src/gpu/profiler.ts';
import { timing } from '../../src/gpu/timing.ts';
import { chromeTrace } from '../../src/kernels/chrome_trace.ts';
import { Profile } from '../../src/kernels/profile.ts';
import { profileReport, type TimedPhaseRow } from '../../src/kernels/profile_report.ts';
import { addBias, addOne } from '../gpu/kernels.ts';
import { testDevice } from '../setup/device.ts';

const ROOFLINE = { gflops: 1, gbps: 1, launchUs: 1, submitUs: 1, readbackMs: 1, rows: [] };

/** The Trace Event Format: a complete event has a duration, a counter numbers, a name is metadata; all in microseconds. */
const time = v.pipe(v.number(), v.finite());
const common = { name: v.pipe(v.string(), v.nonEmpty()), pid: v.number(), tid: v.number(), ts: time };
const EVENT = v.variant('ph', [
  v.strictObject({
    ...common,
    ph: v.literal('X'),
    cat: v.string(),
    dur: v.pipe(time, v.minValue(0)),
    args: v.optional(v.record(v.string(), v.number())),
  }),
  v.strictObject({ ...common, ph: v.literal('C'), args: v.record(v.string(), v.number()) }),
  v.strictObject({
    ...common,
    name: v.picklist(['process_name', 'thread_name', 'thread_sort_index']),
    ph: v.literal('M'),
    args: v.union([v.strictObject({ name: v.string() }), v.strictObject({ sort_index: v.number() })]),
  }),
]);
const TRACE = v.strictObject({
  displayTimeUnit: v.picklist(['ms', 'ns']),
  otherData: v.record(v.string(), v.union([v.string(), v.number()])),
  traceEvents: v.array(EVENT),
});

/** Two phases, one in the other, around some dispatches and a readback; another part is not timed. */
async function profiled(device: Device): Promise<{ profile: Profile; value: number; compileMs: number }> {
  const profile = await Profile.start(device);
  const before = device.pipelines.compileMs;
  const out = device.upload(new Float32Array(300), [300]);
  const other = device.upload(new Float32Array(300), [300]);
  const bias = device.arena.alloc([300]);
  const rec = device.recorder();
  const work = (times: number) => async () => {
    await device.phase('outer', async () => {
      await device.phase('inner', async () => {
        for (let i = 0; i < times; i++) rec.dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
      });
      rec.dispatch(addBias, { inp: other, out: bias }, { n: 300 }, [300, 1, 1]);
      await device.read(out);
    });
  };
  await profile.untimed(work(1));
  await profile.timed(work(5));
  await profile.untimed(work(1));
  profile.stop();
  const value = (await device.read(out))[0] as number;
  for (const tensor of [out, other, bias]) device.arena.free(tensor);
  return { profile, value, compileMs: device.pipelines.compileMs - before };
}

for (const [kind, without] of [
  ['with timestamps', []],
  ['without timestamps', ['timestamp']],
] as const) {
  describe(`a profile ${kind}`, async () => {
    const device = await testDevice({ without });
    const { profile, value, compileMs } = await profiled(device);
    const report = profileReport(profile, ROOFLINE, 'an adapter');

    it('changes no result, and leaves the device unprofiled', () => {
      expect(value).toBe(7);
      expect(device.profiler).toBeUndefined();
      expect(profile.method).toBe(without.length === 0 ? 'timestamps' : 'submits');
    });

    it('times the dispatches of the timed part, and no other', () => {
      const calls = Object.fromEntries(report.kernels.map(({ kernel, calls }) => [kernel, calls]));
      expect(calls).toEqual({ test_add_one: 5, test_add_bias: 1 });
      // The readback's buffer is there from the part before, and what profiling takes is not the work's.
      expect(report.timed.counts).toMatchObject({ dispatches: 6, readbacks: 1, buffers: 0, bufferBytes: 0 });
      // The first of the two compiled the pipelines, in less than a browser's clock may tell.
      expect(report.rest.counts).toMatchObject({ dispatches: 4, readbacks: 2, pipelines: 2 });
      expect(report.timed.counts.pipelines).toBe(0);
      expect(report.untimed).toMatchObject({ parts: 1, record_us_per_dispatch: expect.any(Number) });
      expect(report.timed.parts).toBe(1);
      expect(report.rest.parts).toBe(2);
      expect(report.timed.compile_ms).toBe(0);
      expect(report.rest.compile_ms).toBeCloseTo(compileMs, 6);
      expect(report.rest.record_ms + report.rest.compile_ms).toBeLessThanOrEqual(report.rest.ms);
      const [a, b] = report.kernels as [(typeof report.kernels)[number], (typeof report.kernels)[number]];
      expect(a.ms).toBeGreaterThanOrEqual(b.ms);
      expect(a.share + b.share).toBeCloseTo(1);
      const bias = report.kernels.find(({ kernel }) => kernel === 'test_add_bias');
      expect(bias?.shapes.map(({ shape, calls }) => [shape, calls])).toEqual([['n=300', 1]]);
      if (bias && bias.ms > 0) expect(bias.gflops).toBeCloseTo(300 / bias.ms / 1e6);
    });

    it('doubts a roofline that others disturbed, or that kernels exceed', () => {
      const row = (samples: number[]) => ({
        ...{ name: 'roofline_copy', shape: '', dtype: 'f32' as const, flops: 0, bytes: 1 },
        timing: timing(samples, 'wall'),
      });
      const doubts = (gbps: number, samples: number[]) =>
        profileReport(profile, { ...ROOFLINE, gflops: gbps, gbps, rows: [row(samples)] }, 'an adapter').doubts;
      expect(doubts(1e9, [1, 1, 1.05, 1.1])).toEqual([]);
      expect(doubts(1e9, [1, 1, 2, 2])).toEqual([expect.stringMatching(/^roofline_copy took 1 to 2 ms/)]);
      expect(doubts(1e-9, [1, 1, 1, 1])).toEqual([expect.stringMatching(/^above 100 %/)]);
    });

    it('keeps the GPU’s time within the wall’s, and says what timing adds', () => {
      expect(report.busy_ms).toBeLessThanOrEqual(report.timed.ms);
      expect(report.idle_share).toBeCloseTo(1 - report.busy_ms / report.timed.ms);
      expect(Number.isFinite(report.timing.us_per_dispatch)).toBe(true);
      expect(report.timed.phases).toMatchObject({ outer: { calls: 1 }, inner: { calls: 1 } });
    });

    it('tells of each phase how long the GPU computed what was recorded in it, and how long recording took', () => {
      const { outer, inner } = report.timed.phases as Record<'outer' | 'inner', TimedPhaseRow>;
      const ms = Object.fromEntries(report.kernels.map((row) => [row.kernel, row.ms]));
      expect(outer.busy_ms).toBeCloseTo(report.busy_ms, 6);
      expect(outer.idle_share).toBeCloseTo(1 - outer.busy_ms / outer.ms);
      expect(outer.record_share).toBeCloseTo(report.timed.record_ms / outer.ms);
      // Dispatches that overlap count once.
      expect(inner.busy_ms).toBeLessThanOrEqual((ms.test_add_one as number) + 1e-6);
      expect(outer.busy_ms - inner.busy_ms).toBeLessThanOrEqual((ms.test_add_bias as number) + 1e-6);
      const untimed = report.untimed?.phases.outer;
      expect(untimed).toMatchObject({ calls: 1 });
      // A page's clock may not move while one dispatch is recorded.
      expect(untimed?.record_share).toBeGreaterThanOrEqual(0);
      expect(untimed?.record_share).toBeLessThan(1);
    });

    it('is a trace that Perfetto reads: known events, and on one track only what follows or contains', () => {
      const trace = JSON.parse(JSON.stringify(chromeTrace(profile, 'an adapter')));
      expect(v.safeParse(TRACE, trace).issues).toBeUndefined();
      const events = trace.traceEvents as { ph: string; tid: number; ts: number; dur: number; name: string }[];
      const complete = events.filter(({ ph }) => ph === 'X');
      const names = events.filter(({ name }) => name === 'thread_name').map(({ tid }) => tid);
      for (const tid of new Set(complete.map((event) => event.tid))) {
        expect(names).toContain(tid);
        const open: number[] = [];
        for (const { ts, dur } of complete
          .filter((event) => event.tid === tid)
          .sort((x, y) => x.ts - y.ts || y.dur - x.dur)) {
          while (open.length > 0 && (open.at(-1) as number) <= ts) open.pop();
          if (open.length > 0) expect(ts + dur).toBeLessThanOrEqual((open.at(-1) as number) + 1e-3);
          open.push(ts + dur);
        }
      }
      expect(complete.filter(({ name }) => name === 'test_add_one')).toHaveLength(5);
      const [outer, inner] = ['outer', 'inner'].map((name) => complete.find((event) => event.name === name)) as [
        (typeof complete)[number],
        (typeof complete)[number],
      ];
      expect(inner.ts).toBeGreaterThanOrEqual(outer.ts);
      expect(inner.ts + inner.dur).toBeLessThanOrEqual(outer.ts + outer.dur);
    });
  });
}

describe('a device that goes away while it is profiled', () => {
  it('leaves no rejection behind that nobody handles', async () => {
    const device = await testDevice({});
    const out = device.upload(new Float32Array(1), [1]);
    const profiler = device.startProfiling();
    device.recorder().dispatch(addOne, { out }, { at: 0, value: 1 }, [1, 1, 1]);
    device.recorder().submit();
    device.destroy();
    // Long enough for the test runner to fail on one.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (profiler.method === 'timestamps') await expect(profiler.collect()).rejects.toThrow();
  });
});

describe('compiling', () => {
  it('is a figure of its own, and no part of recording', async () => {
    const device = await testDevice({});
    const profiler = device.startProfiling();
    profiler.timing = false;
    const spans: Span[] = [];
    profiler.onSpan = (span) => spans.push(span);
    const rec = device.recorder();
    const [inp, out] = [device.upload(new Float32Array(3), [3]), device.arena.alloc([3])];
    rec.clear(out);
    // No other test has these constants, so each is compiled while the command buffer is open.
    for (const BIAS of [17.25, 18.25]) rec.dispatch(addBias, { inp, out }, { n: 3 }, [3, 1, 1], { BIAS });
    expect((await device.read(out))[0]).toBe(18.25);
    device.stopProfiling();
    const compiles = spans.filter(({ track }) => track === 'compile');
    const compiling = compiles.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(compiles).toHaveLength(2);
    expect(spans.find(({ track }) => track === 'record')?.args?.compiling).toBeCloseTo(compiling, 6);
    for (const tensor of [inp, out]) device.arena.free(tensor);
  });
});

describe('spans that overlap', () => {
  it('get tracks of their own', async () => {
    const device = await testDevice({});
    const profile = await Profile.start(device);
    await profile.timed(async () => {
      const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
      const first = device.phase('first', () => pause(20));
      await pause(5);
      const second = device.phase('second', () => pause(40));
      await Promise.all([first, second]);
    });
    profile.stop();
    const { traceEvents } = chromeTrace(profile, 'an adapter');
    const tids = traceEvents.filter(({ cat }) => cat === 'host').map(({ name, tid }) => [name, tid]);
    const of = (name: string) => tids.find(([n]) => n === name)?.[1];
    expect(of('first')).not.toBe(of('second'));
  });
});
