import { now } from '#platform';
import type { Prompt } from '../eval/completions.ts';
import type { Problem } from '../eval/data.ts';
import type { Device } from '../gpu/device.ts';
import type { OpenedModel } from '../model/language_model.ts';
import { calibrate, completionsInFlight } from '../train/calibrate.ts';
import type { TrainConfig } from '../train/config.ts';
import { type Estimate, estimate, stepTokens } from '../train/estimate.ts';
import type { MemoryPlan } from '../train/memory_plan.ts';
import type { Context } from './command.ts';
import { planTable, timeTable, tokensLine } from './plan_view.ts';
import { loadModel } from './setup.ts';

/**
 * Prints what a run will take, and stops: bytes, tokens and, unless `measure` is false, the time, for which the weights are
 * loaded and some passes run.
 */
export async function dryRun(
  context: Context,
  run: {
    readonly config: TrainConfig;
    readonly plan: MemoryPlan;
    readonly opened: OpenedModel;
    readonly device: Device;
    readonly trainPrompts: readonly Prompt[];
    readonly testProblems: readonly Problem[];
    readonly measure: boolean;
  },
): Promise<void> {
  const { config, plan, opened, device, trainPrompts, testProblems } = run;
  const { max_completion_length: cap } = config;
  const lengths = trainPrompts.map(({ ids }) => ids.length);
  const promptLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const tokens = { prompt_mean: promptLength, at_most: stepTokens(config, promptLength, cap) };
  context.print(`${planTable(plan, config)}\n\n${tokensLine(promptLength, tokens.at_most)}`);
  if (!run.measure) {
    await opened.source.close();
    context.printJson({ config, memory: plan, tokens });
    return;
  }
  const { model } = await loadModel(context, opened, {
    dtype: config.dtype,
    kvCacheDtype: config.kv_cache_dtype,
    device,
  });
  const calibration = await calibrate(model, config, plan, {
    promptLength,
    now,
    signal: context.signal,
    onPart: (part) => context.note(`measuring: ${part}`),
  });
  const inFlight = completionsInFlight(model, config, plan, promptLength);
  const work = { promptLength, evalProblems: testProblems.length, inFlight };
  const of = (length: number): Estimate => estimate(config, work, calibration, length);
  const estimates = { half: of(Math.ceil(cap / 2)), at_most: of(cap) };
  const adapter = device.caps.adapter;
  context.print(`\n${timeTable(calibration, estimates, { config, adapter, inFlight })}`);
  context.printJson({ config, memory: plan, tokens, adapter, in_flight: inFlight, calibration, estimate: estimates });
}
