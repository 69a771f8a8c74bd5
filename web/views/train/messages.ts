import type { Evaluation } from '../../../src/eval/evaluate.ts';
import type { LensLayer } from '../../../src/eval/lens.ts';
import type { ExamplePair, Stage } from '../../../src/train/experiment.ts';
import type { MetricsRow } from '../../../src/train/metrics.ts';

/** What the reader of the page chooses. */
export interface Settings {
  readonly reward: 'correct' | 'random' | 'format';
  readonly steps: number;
  readonly promptsPerStep: number;
  /** Held-out problems measured before and after. */
  readonly evalSize: number;
  readonly seed: number;
}

export type ToWorker = { readonly type: 'start'; readonly settings: Settings } | { readonly type: 'stop' };

/** One completion of a step. */
export interface Answer {
  readonly text: string;
  readonly correct: boolean;
  readonly reward: number;
  readonly tokens: number;
}

/** A problem of a step and all that was sampled for it. */
export interface AnsweredProblem {
  readonly question: string;
  readonly gold: string;
  readonly answers: readonly Answer[];
}

export interface Download {
  readonly name: string;
  readonly blob: Blob;
}

export type FromWorker =
  /** The model is on the GPU. */
  | {
      readonly type: 'ready';
      readonly adapter: string;
      readonly isSoftware: boolean;
      readonly layers: number;
      readonly hiddenSize: number;
    }
  | { readonly type: 'stage'; readonly stage: Stage }
  /** Completions that ended, of all in this measurement or this step, and tokens so far. */
  | { readonly type: 'progress'; readonly finished: number; readonly total: number; readonly tokens: number }
  | { readonly type: 'evaluated'; readonly which: 'base' | 'steered'; readonly result: Omit<Evaluation, 'rows'> }
  | { readonly type: 'step'; readonly row: MetricsRow; readonly problem: AnsweredProblem }
  | {
      readonly type: 'finished';
      readonly seconds: number;
      readonly lens: readonly LensLayer[];
      readonly examples: readonly ExamplePair[];
      readonly files: readonly Download[];
    }
  | { readonly type: 'stopped'; readonly files: readonly Download[] }
  /** `setup`: no GPU or no model, a run did not begin. The worker is of no more use. */
  | {
      readonly type: 'failed';
      readonly during: 'setup' | 'run';
      readonly message: string;
      readonly files: readonly Download[];
    };
