import type { SteeringTarget } from '../../autograd/tape.ts';
import type { Prompt } from '../../eval/completions.ts';
import type { Problem } from '../../eval/data.ts';
import type { RewardFunction } from '../../eval/rewards.ts';
import type { Completion } from '../../model/generate.ts';
import type { LanguageModel } from '../../model/language_model.ts';
import type { Steering } from '../../model/steering.ts';
import type { TrainConfig } from '../config.ts';
import type { CommonFigures, StepRow } from '../metrics.ts';
import type { PolicyOptions } from '../policy.ts';
import type { CompletionRow, SampleRow } from '../rundir.ts';
import type { Example } from '../traces.ts';

/** What a method learns from, and what it tells while it does. */
export interface MethodOptions {
  readonly lm: LanguageModel;
  readonly config: TrainConfig;
  /** Problems to sample answers for (`rl`, `upft`). */
  readonly problems: readonly Problem[];
  readonly encode: (problem: Problem) => Prompt;
  /** Worked solutions (`sft`) or pairs (`dpo`). */
  readonly examples?: readonly Example[] | undefined;
  readonly reward: RewardFunction;
  /** For metrics: `rewards/{name}/mean`. */
  readonly rewardName: string;
  readonly stop: readonly string[];
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onRollout?: (tokens: number, finished: number, total: number) => void;
  /** Before each micro-batch of the training pass: those done, and all. */
  readonly onMicroBatch?: (done: number, total: number) => void;
  /** Something without which the result would be misread. */
  readonly onWarning?: (line: string) => void;
}

/** One completion of a step with all that is known of it. */
export interface Sample {
  readonly prompt: Prompt;
  readonly completion: Completion;
  readonly text: string;
  readonly extracted: string | undefined;
  readonly correct: boolean;
  readonly reward: number;
  readonly advantage: number;
}

/** What the trainer lends a method for one step. */
export interface StepRun {
  /** From 0. */
  readonly step: number;
  readonly steering: Steering;
  readonly target: SteeringTarget;
  readonly recompute: 'none' | 'layer';
  /** Rows of a micro-batch. */
  readonly maxRows: number;
  /** Rows of a rollout whose activations may be kept for the gradient; 0 keeps none. */
  readonly keptRows: number;
  /** Bytes for keys and values of rollouts. */
  readonly cacheBytes: number;
  /** Places of the next examples, in an order that is a permutation of its own in every epoch. */
  draw(count: number): number[];
  /** One update of the vectors with the gradient that `pass` adds to the target. */
  update<P extends { readonly loss: number }>(pass: () => Promise<P>): Promise<{ pass: P; gradNorm: number }>;
}

export interface StepOutcome {
  /** The row of metrics.jsonl, once the trainer's figures are known. */
  readonly row: (common: CommonFigures) => StepRow;
  readonly completions: readonly (CompletionRow | SampleRow)[];
  readonly samples: readonly Sample[];
}

/** How one step is learned: the only thing in which reinforcement learning, SFT, DPO and UPFT differ. */
export interface Method {
  /** Examples of an epoch. */
  readonly size: number;
  step(run: StepRun): Promise<StepOutcome>;
}

/** The options that the training passes of all methods share. */
export function passOptions(o: MethodOptions, run: StepRun): Omit<PolicyOptions, 'temperature' | 'beta' | 'lossType'> {
  return {
    steering: run.steering,
    target: run.target,
    maxCompletionLength: o.config.max_completion_length,
    recompute: run.recompute,
    lowest: Math.min(...run.target.layers),
    maxRows: run.maxRows,
    signal: o.signal,
    onMicroBatch: o.onMicroBatch,
  };
}
