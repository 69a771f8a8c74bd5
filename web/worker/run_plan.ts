import { now } from '#platform';
import { mean } from '../../src/eval/stats.ts';
import type { LanguageModel } from '../../src/model/language_model.ts';
import { calibrate, completionsInFlight } from '../../src/train/calibrate.ts';
import { estimate } from '../../src/train/estimate.ts';
import { type MemoryPlan, planMemory } from '../../src/train/memory_plan.ts';
import { type PlanRow, planRows } from '../../src/train/plan_rows.ts';
import type { PreparedRun } from './run_preparation.ts';

/** What a run takes, before it begins. */
export interface Plan {
  readonly trainProblems: number;
  readonly testProblems: number;
  readonly steps: number;
  /** Completions of a step, and most tokens of one. */
  readonly completions: number;
  readonly longestCompletion: number;
  /** Mean prompt, in tokens. */
  readonly promptLength: number;
  /** Bytes of GPU memory at the most, and what they are for. */
  readonly total: number;
  readonly memory: readonly PlanRow[];
  /** The first prompt as the model sees it. */
  readonly firstPrompt: string;
  readonly notes: readonly string[];
}

/** Seconds, from passes that were timed: where completions are half as long as they may be, and where all are that long. */
export interface MeasuredTime {
  readonly step: readonly [half: number, atMost: number];
  readonly run: readonly [half: number, atMost: number];
}

/** @throws UserError where it does not fit, with the ways out */
export function planOf(lm: LanguageModel, run: PreparedRun): Plan {
  const { config, data, longest, encode } = run;
  const plan = memoryOf(lm, run);
  const room = lm.model.maxPositions - longest;
  const first = data.trainProblems[0];
  const cut =
    config.max_completion_length > room
      ? [`The context leaves ${room} tokens after the longest prompt: answers end there.`]
      : [];
  return {
    trainProblems: data.trainProblems.length,
    testProblems: data.testProblems.length,
    steps: config.max_steps,
    completions: config.num_prompts * config.num_generations,
    longestCompletion: config.max_completion_length,
    promptLength: promptLength(run),
    total: plan.total,
    memory: planRows(plan, config),
    firstPrompt: first ? encode(first).text : '',
    notes: [...data.notes, ...cut],
  };
}

/** Runs some passes of the run's sizes and takes the time. The GPU is busy meanwhile. */
export async function measureTime(lm: LanguageModel, run: PreparedRun): Promise<MeasuredTime> {
  const { config, data } = run;
  const plan = memoryOf(lm, run);
  const length = promptLength(run);
  const calibration = await calibrate(lm.model, config, plan, { promptLength: length, now });
  const inFlight = completionsInFlight(lm.model, config, plan, length);
  const work = { promptLength: length, evalProblems: data.testProblems.length, inFlight };
  const cap = config.max_completion_length;
  const half = estimate(config, work, calibration, Math.ceil(cap / 2));
  const most = estimate(config, work, calibration, cap);
  return { step: [half.step, most.step], run: [half.run, most.run] };
}

function memoryOf(lm: LanguageModel, { config, longest }: PreparedRun): MemoryPlan {
  const { model } = lm;
  return planMemory({ config: model.config, weightBytes: model.bytes }, config, longest, model.device);
}

/** Mean, in tokens. */
function promptLength({ data, encode }: PreparedRun): number {
  return mean(data.trainProblems.map((problem) => encode(problem).ids.length));
}
