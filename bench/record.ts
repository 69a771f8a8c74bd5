import { now } from '#platform';
import type { Device } from '../src/gpu/device.ts';
import { type Timing, timing } from '../src/gpu/timing.ts';

/** What recording some work on the host takes. */
export interface Recorded {
  /** Milliseconds from the first command of a command buffer to its submit, summed over each run. */
  readonly record: Timing;
  readonly usPerDispatch: number;
  /** Microseconds a dispatch of finishing and submitting. */
  readonly submitUs: number;
  /** Recording over the whole time of a run. */
  readonly share: number;
}

/** Watches the host, and only the host, while it runs something a few times, after once that is not counted. */
export async function recorded(device: Device, run: () => Promise<unknown>, times: number): Promise<Recorded> {
  await run();
  const profiler = device.startProfiling();
  profiler.timing = false;
  const sums = { record: 0, submit: 0, wait: 0, phase: 0 };
  profiler.onSpan = ({ track, from, to }) => {
    sums[track] += to - from;
  };
  const samples: number[] = [];
  const { dispatches } = device.counters;
  const from = now();
  try {
    for (let i = 0; i < times; i++) {
      const before = sums.record;
      await run();
      samples.push(sums.record - before);
    }
  } finally {
    device.stopProfiling();
  }
  const added = device.counters.dispatches - dispatches;
  return {
    record: timing(samples, 'wall'),
    usPerDispatch: (1000 * sums.record) / added,
    submitUs: (1000 * sums.submit) / added,
    share: sums.record / (now() - from),
  };
}
