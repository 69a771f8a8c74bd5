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

export interface KernelSum extends Sum {
  readonly name: string;
  /** False where `flops` is only the most that the kernel may have done. */
  readonly exact: boolean;
  readonly shapes: Map<string, Sum>;
}

/** What was done within some time, in milliseconds. */
export interface HostSums {
  /** By the clock. */
  ms: number;
  /** Steps, answers or whatever the time was divided into. */
  parts: number;
  record: number;
  submit: number;
  wait: number;
  readonly phases: Map<string, { calls: number; ms: number }>;
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
  readonly steady = { parts: 0, ms: 0, record: 0, dispatches: 0 };
  readonly timedSums: HostSums;
  readonly otherSums: HostSums;
  readonly began = now();
  readonly #device: Device;
  readonly #profiler: Profiler;
  #lastEnd = Number.NEGATIVE_INFINITY;
  #since: { at: number; counts: Counts };

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
    this.timedSums = { ms: 0, parts: 0, record: 0, submit: 0, wait: 0, phases: new Map(), counts: none };
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
    const result = await work();
    this.otherSums.parts++;
    const added = counters.since(before.counts);
    if (added.pipelines === 0) {
      const { steady } = this;
      steady.parts++;
      steady.ms += now() - before.at;
      steady.record += this.otherSums.record - before.record;
      steady.dispatches += added.dispatches;
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
    this.busy += Math.max(0, end - Math.max(dispatch.start, this.#lastEnd));
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
    const ms = span.to - span.from;
    if (span.track === 'phase') {
      const phase = sums.phases.get(span.name) ?? { calls: 0, ms: 0 };
      sums.phases.set(span.name, { calls: phase.calls + 1, ms: phase.ms + ms });
    } else {
      sums[span.track] += ms;
    }
    if (!timing) return;
    if (this.spans.length < MAX_EVENTS) this.spans.push(span);
    else this.dropped++;
  }
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
