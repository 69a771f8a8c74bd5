import type { Device } from '../src/gpu/device.ts';
import type { Cost } from '../src/gpu/kernel.ts';
import type { TimedDispatch } from '../src/gpu/profiler.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import type { Packed } from '../src/model/packing.ts';

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

/** Pairs of a row and a key that it attends. */
export function attendedPairs({ n, ranges }: Packed): number {
  let pairs = 0;
  for (let i = 0; i < 4 * n; i += 2) pairs += (ranges[i + 1] as number) - (ranges[i] as number);
  return pairs;
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
