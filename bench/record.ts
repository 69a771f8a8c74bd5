import { now } from '#platform';
import type { Device } from '../src/gpu/device.ts';
import { type Timing, timing } from '../src/gpu/timing.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import type { Row, Rows } from './row.ts';
import { rowId } from './whole_work.ts';

/** The rows of recording, of whatever work. */
export const RECORD_NAME = 'record';

/** Runs that recording is measured in. */
const RUNS = 3;

/** What recording some work on the host takes. */
interface Recorded {
  /** Milliseconds from the first command of a command buffer to its submit, summed over each run. */
  readonly record: Timing;
  readonly usPerDispatch: number;
  /** Microseconds a dispatch of finishing and submitting. */
  readonly submitUs: number;
  /** Recording over the whole time of a run. */
  readonly share: number;
}

/** Watches the host, and only the host, while it runs something a few times, after once that is not counted. */
async function recorded(device: Device, run: () => Promise<unknown>, times: number): Promise<Recorded> {
  await run();
  const profiler = device.startProfiling();
  profiler.timing = false;
  const sums = { record: 0, compile: 0, submit: 0, wait: 0, phase: 0 };
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

/** The row `record` of a piece of work: what the host takes to record it, in the row's place. */
export async function recordRow(
  lm: LanguageModel,
  rows: Rows,
  name: string,
  shape: string,
  run: () => Promise<unknown>,
): Promise<Row> {
  const { record, usPerDispatch, submitUs, share } = await recorded(lm.model.device, run, RUNS);
  const note = `and ${submitUs.toFixed(1)} us to submit`;
  const figures = { record_us_per_dispatch: usPerDispatch, record_share: share, note };
  return rows.timed(rowId(lm, RECORD_NAME, `${name} ${shape}`), record, undefined, figures);
}
