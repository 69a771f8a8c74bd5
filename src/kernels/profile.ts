import { now } from '#platform';
import type { Counts } from '../gpu/counters.ts';
import type { Device } from '../gpu/device.ts';
import type { Profiler, Span, TimedDispatch } from '../gpu/profiler.ts';
import { rooflineEmpty } from './roofline.ts';

/** Dispatches and spans that are kept one by one; those after them are in the sums alone. */
const MAX_EVENTS = 100_000;
/** Shapes of a kernel that are told apart. */
const MAX_SHAPES = 48;
/** Dispatches of the pass that is timed in one piece and split, and how often. */
const SPLIT = 256;
const SPLIT_ROUNDS = 5;

export interface Sum {
  calls: number;
  ms: number;
  flops: number;
  bytes: number;
}

interface KernelSum extends Sum {
  readonly name: string;
  /** False where `flops` is only the most that the kernel may have done. */
  readonly exact: boolean;
  readonly shapes: Map<string, Sum>;
}

/** What a phase took: milliseconds by the clock, of recording, and in which the GPU computed what was recorded in it. */
export interface PhaseSum {
  calls: number;
  ms: number;
  record: number;
  /** Of timed dispatches alone. */
  busy: number;
}

/** What was done within some time, in milliseconds. */
export interface HostSums {
  /** By the clock. */
  ms: number;
  /** Steps, answers or whatever the time was divided into. */
  parts: number;
  /** Without what was compiled meanwhile. */
  record: number;
  /** Of pipelines. */
  compile: number;
  submit: number;
  wait: number;
  readonly phases: Map<string, PhaseSum>;
  counts: Counts;
}

/**
 * Profiles what a device does: within `timed` every dispatch is timed and kept, outside of it the host's time alone is
 * summed up. Memory is bounded whatever the length of the run. Call `stop` at the end.
 */
export class Profile {
  readonly method: Profiler['method'];
  /** Microseconds that a dispatch takes longer for being timed: the same dispatches in one pass, and in passes of their own. */
  readonly splitUs: number;
  readonly kernels = new Map<string, KernelSum>();
  readonly dispatches: TimedDispatch[] = [];
  readonly spans: Span[] = [];
  /** Events that are in the sums and were not kept. */
  dropped = 0;
  /** Milliseconds in which the GPU computed, within `timed`. */
  busy = 0;
  /** Parts that were neither timed nor compiled anything; milliseconds. */
  readonly steady = { parts: 0, ms: 0, record: 0, dispatches: 0, phases: new Map<string, PhaseSum>() };
  readonly timedSums: HostSums;
  readonly otherSums: HostSums;
  readonly began = now();
  readonly #device: Device;
  readonly #profiler: Profiler;
  #lastEnd = Number.NEGATIVE_INFINITY;
  #since: { at: number; counts: Counts };
  /** Phases of the untimed part that is under way. */
  #part: Map<string, PhaseSum> | undefined;

  private constructor(device: Device, splitUs: number) {
    this.#device = device;
    this.splitUs = splitUs;
    this.#profiler = device.startProfiling();
    this.#profiler.timing = false;
    this.#profiler.onDispatch = (dispatch) => this.#takeDispatch(dispatch);
    this.#profiler.onSpan = (span) => this.#takeSpan(span);
    this.method = this.#profiler.method;
    const counts = device.counters.snapshot();
    const none = device.counters.since(counts);
    this.timedSums = { ms: 0, parts: 0, record: 0, compile: 0, submit: 0, wait: 0, phases: new Map(), counts: none };
    this.otherSums = { ...this.timedSums, phases: new Map() };
    this.#since = { at: this.began, counts };
  }

  /** Measures first what timing adds. */
  static async start(device: Device): Promise<Profile> {
    return new Profile(device, await measureSplit(device));
  }

  /** Runs a part of the work with every dispatch timed. */
  async timed<T>(work: () => Promise<T>): Promise<T> {
    await this.#device.sync();
    this.#account(this.otherSums);
    this.#profiler.timing = true;
    try {
      return await work();
    } finally {
      await this.#device.sync();
      await this.#profiler.collect();
      this.#profiler.timing = false;
      this.#account(this.timedSums);
      this.timedSums.parts++;
    }
  }

  /** Runs a part of the work that is not timed: unless it compiles pipelines, it tells how long one takes unhindered. */
  async untimed<T>(work: () => Promise<T>): Promise<T> {
    const { counters } = this.#device;
    const before = { at: now(), record: this.otherSums.record, counts: counters.snapshot() };
    const phases = new Map<string, PhaseSum>();
    this.#part = phases;
    const result = await work();
    this.#part = undefined;
    this.otherSums.parts++;
    const added = counters.since(before.counts);
    if (added.pipelines === 0) {
      const { steady } = this;
      steady.parts++;
      steady.ms += now() - before.at;
      steady.record += this.otherSums.record - before.record;
      steady.dispatches += added.dispatches;
      for (const [name, sum] of phases) addPhase(steady.phases, name, sum);
    }
    return result;
  }

  /** A dispatch's start on the host's clock. */
  hostTime(start: number): number {
    return this.#profiler.hostTime(start);
  }

  stop(): void {
    if (this.#device.profiler !== this.#profiler) return;
    this.#account(this.otherSums);
    this.#device.stopProfiling();
  }

  #account(sums: HostSums): void {
    const { counters } = this.#device;
    const [at, counts] = [now(), counters.snapshot()];
    sums.ms += at - this.#since.at;
    const added = counters.since(this.#since.counts);
    const keys = Object.keys(added) as (keyof Counts)[];
    sums.counts = Object.fromEntries(keys.map((key) => [key, sums.counts[key] + added[key]])) as unknown as Counts;
    this.#since = { at, counts };
  }

  #takeDispatch(dispatch: TimedDispatch): void {
    const { name, exact, nanoseconds, params } = dispatch;
    const ms = nanoseconds / 1e6;
    const end = dispatch.start + ms;
    const busy = Math.max(0, end - Math.max(dispatch.start, this.#lastEnd));
    this.busy += busy;
    for (const phase of dispatch.phases) addPhase(this.timedSums.phases, phase, { busy });
    this.#lastEnd = Math.max(end, this.#lastEnd);
    let kernel = this.kernels.get(name);
    if (!kernel) {
      kernel = { name, exact, calls: 0, ms: 0, flops: 0, bytes: 0, shapes: new Map() };
      this.kernels.set(name, kernel);
    }
    const key = Object.entries(params)
      .filter(([, value]) => Number.isInteger(value))
      .map(([param, value]) => `${param}=${value}`)
      .join(' ');
    const shape = kernel.shapes.has(key) || kernel.shapes.size < MAX_SHAPES ? key : 'others';
    let sum = kernel.shapes.get(shape);
    if (!sum) {
      sum = { calls: 0, ms: 0, flops: 0, bytes: 0 };
      kernel.shapes.set(shape, sum);
    }
    for (const each of [kernel, sum]) {
      each.calls++;
      each.ms += ms;
      each.flops += dispatch.flops;
      each.bytes += dispatch.bytes;
    }
    if (this.dispatches.length < MAX_EVENTS) this.dispatches.push(dispatch);
    else this.dropped++;
  }

  #takeSpan(span: Span): void {
    const timing = this.#profiler.timing;
    const sums = timing ? this.timedSums : this.otherSums;
    const ms = span.to - span.from - (span.track === 'record' ? (span.args?.compiling ?? 0) : 0);
    const add = (name: string, sum: Partial<PhaseSum>) => {
      addPhase(sums.phases, name, sum);
      if (this.#part) addPhase(this.#part, name, sum);
    };
    if (span.track === 'phase') add(span.name, { calls: 1, ms });
    else sums[span.track] += ms;
    if (span.track === 'record') for (const name of this.#profiler.phases) add(name, { record: ms });
    if (!timing) return;
    if (this.spans.length < MAX_EVENTS) this.spans.push(span);
    else this.dropped++;
  }
}

function addPhase(phases: Map<string, PhaseSum>, name: string, added: Partial<PhaseSum>): void {
  const { calls = 0, ms = 0, record = 0, busy = 0 } = added;
  const sum = phases.get(name) ?? { calls: 0, ms: 0, record: 0, busy: 0 };
  phases.set(name, {
    calls: sum.calls + calls,
    ms: sum.ms + ms,
    record: sum.record + record,
    busy: sum.busy + busy,
  });
}

/** Microseconds by which a dispatch gets dearer when it is timed; the medians of the same work in turns. */
async function measureSplit(device: Device): Promise<number> {
  const out = device.arena.alloc([1], 'f32', 'nothing');
  const rec = device.recorder();
  const run = async () => {
    const from = now();
    for (let i = 0; i < SPLIT; i++) rooflineEmpty(rec, { out }, i);
    rec.submit();
    await device.sync();
    return now() - from;
  };
  const whole: number[] = [];
  const split: number[] = [];
  try {
    await run();
    const profiler = device.startProfiling();
    try {
      for (let i = 0; i < SPLIT_ROUNDS; i++) {
        profiler.timing = false;
        whole.push(await run());
        profiler.timing = true;
        split.push(await run());
      }
      await profiler.collect();
    } finally {
      device.stopProfiling();
    }
  } finally {
    device.arena.free(out);
  }
  const median = (samples: number[]) => samples.toSorted((a, b) => a - b)[samples.length >> 1] as number;
  return (1000 * (median(split) - median(whole))) / SPLIT;
}
