import { type Prompt, requestsFor } from '../src/eval/completions.ts';
import type { Device } from '../src/gpu/device.ts';
import type { Cost } from '../src/gpu/kernel.ts';
import type { TimedDispatch } from '../src/gpu/profiler.ts';
import type { Timing } from '../src/gpu/timing.ts';
import type { GenerationRequest } from '../src/model/generate.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import type { TrainConfig } from '../src/train/config.ts';
import type { Extra, Row, Rows } from './row.ts';

/** A contender that runs something from its beginning to its end. */
export function repeated(run: () => Promise<unknown>) {
  return {
    async batch(times: number) {
      for (let i = 0; i < times; i++) await run();
    },
  };
}

/** What one run dispatched. */
export interface Work {
  readonly dispatches: readonly TimedDispatch[];
  /** Attention's declaration takes every row to have n / 2 keys: how much of that the ranges ask for. */
  readonly attentionShare: number;
}

export function total({ dispatches, attentionShare }: Work): Cost {
  const share = (dispatch: TimedDispatch) => (dispatch.name.startsWith('attention') ? attentionShare : 1);
  return {
    flops: dispatches.reduce((sum, d) => sum + d.flops * share(d), 0),
    bytes: dispatches.reduce((sum, d) => sum + d.bytes, 0),
  };
}

export function milliseconds(dispatches: readonly TimedDispatch[]): number {
  return dispatches.reduce((sum, d) => sum + d.nanoseconds / 1e6, 0);
}

/** What a row is of. */
export function rowId(lm: LanguageModel, name: string, shape: string) {
  const dtype = lm.model.layers[0]?.qkv_proj.parts[0]?.tensor.dtype ?? 'f32';
  return { name, impl: 'trimtab', shape: `${lm.name} ${shape}`, dtype };
}

/** A row of something done from its beginning to its end. `tokens` are those that it is about. */
export function workRow(
  rows: Rows,
  lm: LanguageModel,
  o: { name: string; shape: string; time: Timing; tokens: number; work?: Work | undefined; extra?: Extra },
): Row {
  const { name, shape, time, tokens, work, extra } = o;
  return rows.timed(rowId(lm, name, shape), time, work && total(work), {
    tokens_per_second: tokens / (time.median / 1000),
    ...(work && { gpu_ms: milliseconds(work.dispatches) }),
    ...extra,
  });
}

/** The completions that a training step of the configuration samples for the first of these prompts. */
export function rolloutRequests(config: TrainConfig, prompts: readonly Prompt[]): GenerationRequest[] {
  const { num_prompts, num_generations, max_completion_length } = config;
  return requestsFor(prompts.slice(0, num_prompts), max_completion_length, (prompt) =>
    Array.from({ length: num_generations }, (_, completion) => ({
      sampling: { temperature: 1 },
      key: { step: 0, prompt, completion },
    })),
  );
}

/** Pairs of a row and a key that it attends, of `ranges` [N, 4]. */
export function attendedPairs(ranges: ArrayLike<number>): number {
  let pairs = 0;
  for (let i = 0; i < ranges.length; i += 2) pairs += (ranges[i + 1] as number) - (ranges[i] as number);
  return pairs;
}

/** The same over what attention's declaration takes it to be: half of all pairs of rows. */
export function attendedShare(ranges: ArrayLike<number>): number {
  return attendedPairs(ranges) / ((ranges.length / 4) ** 2 / 2);
}

/** Every dispatch of one more run, with its cost and GPU time; undefined where the adapter has no timestamps. */
export async function dispatchesOf(device: Device, run: () => Promise<unknown>): Promise<TimedDispatch[] | undefined> {
  if (!device.caps.timestamp) return undefined;
  await device.sync();
  const profiler = device.startProfiling();
  try {
    await run();
    return await profiler.collect();
  } finally {
    device.stopProfiling();
  }
}
