import { now } from '#platform';
import type { Device } from './device.ts';
import type { Constants, Cost, Kernel, Params } from './kernel.ts';
import { Recorder } from './recorder.ts';
import type { Tensor } from './tensor.ts';

/** Times of one thing, in milliseconds. */
export interface Timing {
  readonly median: number;
  readonly fastest: number;
  readonly p25: number;
  readonly p75: number;
  readonly repeats: number;
  /** `timestamps`: GPU time of the dispatches alone. `wall`: what a caller waits, recording and submission included. */
  readonly method: 'timestamps' | 'wall';
}

/** How long a row is measured, and how many repeats it gets where one takes longer than that. */
const BUDGET_MS = 20;
const SLOW_REPEATS = 3;
const MAX_REPEATS = 200;

/** Executions of a batch at most where a batch has to be long enough for the clock. */
const MAX_BATCH = 2048;
/** What browsers round timestamps to. */
const COARSE_NS = [65_536, 100_000];

/** Records the dispatches of one execution of what is measured. */
export type Launches = (rec: Recorder) => void;

/** Median and quartiles. */
export function timing(samples: readonly number[], method: Timing['method']): Timing {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const position = share * (sorted.length - 1);
    const [low, high] = [Math.floor(position), Math.ceil(position)];
    const [a, b] = [sorted[low] as number, sorted[high] as number];
    return a + (b - a) * (position - low);
  };
  return { median: at(0.5), fastest: at(0), p25: at(0.25), p75: at(0.75), repeats: sorted.length, method };
}

/** Adds up what the dispatches of a recording cost by their declarations, and launches none of them. */
class CostRecorder extends Recorder {
  flops = 0;
  bytes = 0;
  readonly kernels = new Set<string>();

  override dispatch(
    kernel: Kernel,
    _tensors: Readonly<Record<string, Tensor>>,
    params: Params,
    grid: readonly [number, number, number],
    constants: Constants = {},
  ): void {
    if (grid.includes(0)) return;
    const cost = kernel.cost(params, { ...kernel.constants, ...constants });
    this.kernels.add(kernel.name);
    this.flops += cost.flops;
    this.bytes += cost.bytes;
  }

  override copy(): void {}
  override clear(): void {}
}

/** What a recording needs at the least, and the names of the kernels that it dispatches; its tensors need no buffers for this. */
export function costOf(device: Device, record: Launches): Cost & { readonly kernels: readonly string[] } {
  const recorder = new CostRecorder(device);
  record(recorder);
  const { flops, bytes, kernels } = recorder;
  return { flops, bytes, kernels: [...kernels] };
}

/** Times a recording at least `repeats` times: by timestamps where the adapter has them, else by the clock. */
export async function timeRecording(device: Device, record: Launches, repeats = SLOW_REPEATS): Promise<Timing> {
  const byGpu = device.caps.timestamp ? await byTimestamps(device, record, repeats) : undefined;
  return byGpu ?? byDifferences(device, record, repeats);
}

/** @returns undefined where the timestamps are too coarse for what takes so little: pages get them rounded to about 100 µs */
async function byTimestamps(device: Device, record: Launches, repeats: number): Promise<Timing | undefined> {
  const profiler = device.startProfiling();
  const rec = device.recorder();
  let coarse = false;
  const run = async (times: number) => {
    const before = device.counters.dispatches;
    for (let i = 0; i < times; i++) record(rec);
    const each = (device.counters.dispatches - before) / times;
    rec.submit();
    await device.sync();
    const dispatches = await profiler.collect();
    coarse = dispatches.every(({ nanoseconds }) => COARSE_NS.some((step) => nanoseconds % step === 0));
    return Array.from({ length: times }, (_, i) =>
      dispatches.slice(i * each, (i + 1) * each).reduce((ms, d) => ms + d.nanoseconds / 1e6, 0),
    );
  };
  try {
    await run(1);
    const samples = await run(1);
    if (coarse && (samples[0] as number) < BUDGET_MS) return undefined;
    while (samples.length < MAX_REPEATS) {
      const spent = samples.reduce((a, b) => a + b, 0);
      const wanted = Math.ceil((BUDGET_MS - spent) / Math.max(1e-3, spent / samples.length));
      const missing = Math.max(wanted, repeats - samples.length);
      if (missing <= 0) break;
      samples.push(...(await run(Math.min(missing, MAX_REPEATS - samples.length))));
    }
    return timing(samples, 'timestamps');
  } finally {
    device.stopProfiling();
  }
}

/** A batch of twice the length minus a batch: what submission and waiting cost falls out. */
async function byDifferences(device: Device, record: Launches, repeats: number): Promise<Timing> {
  const rec = device.recorder();
  const run = async (times: number) => {
    for (let i = 0; i < times; i++) record(rec);
    const start = now();
    rec.submit();
    await device.sync();
    return now() - start;
  };
  await run(1);
  const once = await run(1);
  let times = Math.min(MAX_REPEATS, Math.max(1, Math.ceil(BUDGET_MS / 4 / once)));
  // Where most of that was the submit's and the wait's, the batch is still too short.
  while (times < MAX_BATCH && (await run(2 * times)) - (await run(times)) < BUDGET_MS / 8) times *= 2;
  const samples: number[] = [];
  for (let i = 0; i < 2 * repeats; i++) {
    const short = await run(times);
    samples.push(Math.max(1e-6, ((await run(2 * times)) - short) / times));
  }
  return timing(samples, 'wall');
}
