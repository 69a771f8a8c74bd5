import type { Calibration, Timing } from './calibrate.ts';
import type { TrainConfig } from './config.ts';
import { sequences } from './memory_plan.ts';

/** What a run is going to work through, known before it starts. */
interface Workload {
  /** Mean prompt, in tokens. */
  readonly promptLength: number;
  /** Held-out problems, each answered twice (greedily, sampled) in every evaluation. */
  readonly evalProblems: number;
  /** Completions in flight at once. */
  readonly inFlight: number;
}

/** Tokens of one step when completions have a given length. */
export interface StepTokens {
  readonly completion_length: number;
  /** Taken in by the rollout: every prompt once. 0, as `generated`, where nothing is sampled. */
  readonly prompt: number;
  readonly generated: number;
  /** Rows of the training passes of all updates: prompts, and completions without their last token. */
  readonly trained: number;
}

/** Seconds, when completions have the length of `tokens`. */
export interface Estimate {
  readonly tokens: StepTokens;
  readonly rollout: number;
  readonly training: number;
  readonly step: number;
  /** All evaluations together: before, after, with `baseline_prompt`, every `eval_steps`. */
  readonly evaluation: number;
  /** All steps, and the evaluations. */
  readonly run: number;
}

export function stepTokens(config: TrainConfig, promptLength: number, length: number): StepTokens {
  const { num_prompts: prompts, num_iterations: updates } = config;
  const { completions: k, length: longest, sampled } = sequences(config);
  const tokens = Math.min(length, longest);
  return {
    completion_length: tokens,
    prompt: sampled ? Math.round(prompts * promptLength) : 0,
    generated: sampled ? prompts * k * tokens : 0,
    trained: Math.round(updates * prompts * (promptLength + k * (tokens - 1))),
  };
}

/**
 * A step and the run out of measured passes: prompts and training rows in passes as large as the run's. A completion's place is
 * refilled when it ends, so that decoding passes are full until nothing waits; those still in flight then go on until the longest of them
 * is done, which is taken to reach the cap.
 *
 * @param length of the mean completion, in tokens
 */
export function estimate(config: TrainConfig, work: Workload, measured: Calibration, length: number): Estimate {
  const tokens = stepTokens(config, work.promptLength, length);
  const generation = (promptTokens: number, completions: number) => {
    if (completions === 0 || promptTokens === 0) return 0;
    const flight = Math.min(work.inFlight, completions);
    const passes = length * (completions / flight - 1) + config.max_completion_length;
    const { fixed, per_row } = measured.decode;
    return allPasses(measured.prefill, promptTokens) + fixed * passes + per_row * completions * length;
  };
  const rollout = generation(tokens.prompt, config.num_prompts * sequences(config).completions);
  const training = allPasses(measured.training, tokens.trained);
  const between = config.eval_steps > 0 ? Math.floor((config.max_steps - 1) / config.eval_steps) : 0;
  const evaluations = 2 + between + (config.baseline_prompt === undefined ? 0 : 1);
  const evaluation = evaluations * generation(work.evalProblems * work.promptLength, 2 * work.evalProblems);
  const step = rollout + training;
  return { tokens, rollout, training, step, evaluation, run: config.max_steps * step + evaluation };
}

/** Rows in as many passes of the run's size as they take, in fractions, and one at least. */
function allPasses({ rows_in_run, fixed, per_row }: Timing, rows: number): number {
  return fixed * Math.max(1, rows / rows_in_run) + per_row * rows;
}
