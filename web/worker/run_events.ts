import type { LensLayer } from '../../src/eval/lens.ts';
import type { AccuracyPair } from '../../src/eval/stats.ts';
import type { TrainConfig } from '../../src/train/config.ts';
import type { ExamplePair, Stage } from '../../src/train/experiment.ts';
import type { Sample } from '../../src/train/methods/method.ts';
import type { StepRow } from '../../src/train/metrics.ts';
import type { RunRecord } from '../../src/train/read_run.ts';
import type { CompletionRow, EvaluationStep, RunSummary, SampleRow } from '../../src/train/rundir.ts';
import { accuracies } from './runs.ts';

/** One completion of a step. */
export interface Answer {
  readonly text: string;
  readonly correct: boolean;
  readonly reward: number;
  readonly advantage: number;
  readonly tokens: number;
}

/** A problem of a step and all that was sampled for it. */
export interface AnsweredProblem {
  readonly step: number;
  /** Mean of the step. */
  readonly reward: number;
  readonly question: string;
  readonly gold: string;
  readonly answers: readonly Answer[];
}

/** What a run has come to, as the page shows it. */
export interface ShownRun {
  readonly name: string;
  readonly config: TrainConfig;
  /** Steps done. */
  readonly step: number;
  readonly rows: readonly StepRow[];
  readonly evaluations: readonly EvaluationStep[];
  readonly base: AccuracyPair | undefined;
  readonly steered: AccuracyPair | undefined;
  /** The first problem of each of the last steps, oldest first. */
  readonly answered: readonly AnsweredProblem[];
}

/** What is known of a run once it is over. */
export interface RunResult {
  readonly summary: RunSummary;
  readonly lens: readonly LensLayer[];
  readonly examples: readonly ExamplePair[];
}

/** A kept run that was opened. */
export interface OpenedRun extends ShownRun, Omit<RunResult, 'summary'> {
  readonly summary: RunSummary | undefined;
  /** Of each layer's vector; none before the first step. */
  readonly norms: readonly number[];
  /** Whether its model is on the GPU, so that it can be resumed and its vectors read. */
  readonly modelIsLoaded: boolean;
}

/** Completions that ended in this rollout or measurement, of all, and tokens so far; `learning`: micro-batches of the training pass. */
export interface Progress {
  readonly finished: number;
  readonly total: number;
  readonly tokens: number;
  readonly learning?: boolean;
}

/** What the page is told while a run trains. */
export interface TrainingEvents {
  began(run: ShownRun): void;
  stage(stage: Stage): void;
  progress(progress: Progress): void;
  /** `step`: steps that the vectors had been trained for; 0 without vectors. */
  evaluated(which: 'base' | 'prompted' | 'steered', step: number, result: AccuracyPair): void;
  step(row: StepRow, answered: AnsweredProblem | undefined): void;
  warning(line: string): void;
}

/** Steps of which the page shows what was written. */
const STEPS_SHOWN = 50;
/** Between two reports of progress, in milliseconds: the page draws no faster. */
const PROGRESS_MS = 60;

/** The first problem of a step with all its answers; undefined for methods that grade nothing. */
export function stepOf(row: StepRow, samples: readonly Sample[], k: number): AnsweredProblem | undefined {
  const first = samples[0]?.prompt.problem;
  if (!first) return undefined;
  return {
    step: row.step,
    reward: 'reward' in row ? row.reward : 0,
    question: first.question,
    gold: first.answer,
    answers: samples.slice(0, k).map(({ text, correct, reward, advantage, completion }) => ({
      ...{ text, correct, reward, advantage },
      tokens: completion.ids.length,
    })),
  };
}

/** A run out of its folder; a run that has only begun has no more than its configuration. */
export function recordOf(name: string, run: RunRecord): ShownRun {
  const { config, checkpoint, metrics, evaluations, base, steered, summary, completions } = run;
  // What a crash left beyond the checkpoint is trained again.
  const step = checkpoint?.step ?? metrics.length;
  const rows = metrics.filter((row) => row.step < step);
  return {
    name,
    config,
    step,
    rows,
    evaluations: evaluations.filter((row) => row.step <= step),
    base: summary?.base ?? accuracies(base),
    steered: summary?.steered ?? accuracies(steered),
    answered: answeredOf(rows, completions),
  };
}

function answeredOf(
  rows: readonly StepRow[],
  completions: readonly (CompletionRow | SampleRow)[],
): readonly AnsweredProblem[] {
  const shown = new Map(rows.slice(-STEPS_SHOWN).map((row) => [row.step, row]));
  const groups = new Map<number, CompletionRow[]>();
  for (const row of completions) {
    if (!shown.has(row.step) || !('reward' in row)) continue;
    const group = groups.get(row.step) ?? [];
    if (group.length === 0 || group[0]?.problem === row.problem) groups.set(row.step, [...group, row]);
  }
  return [...groups].map(([step, group]) => {
    const row = shown.get(step);
    const [first] = group as [CompletionRow];
    return {
      step,
      reward: row && 'reward' in row ? row.reward : 0,
      question: questionIn(first.prompt),
      gold: first.answer,
      answers: group.map(({ completion: text, correct, reward, advantage, tokens }) => ({
        ...{ text, correct, reward, advantage, tokens },
      })),
    };
  });
}

/** The question that a prompt ends with; all of it where it is put in another way than `qa`. */
function questionIn(prompt: string): string {
  return /(?:^|\n)Question: (?!.*\nQuestion: )(.*)\nAnswer:\s*$/s.exec(prompt)?.[1] ?? prompt;
}

/** Passes on no more reports than can be drawn: the last one of a burst comes with the next, or with `flush`. */
export function throttled(report: (progress: Progress) => void): ((progress: Progress) => void) & { flush(): void } {
  let last = 0;
  let waiting: Progress | undefined;
  const send = (progress: Progress) => {
    last = performance.now();
    waiting = undefined;
    report(progress);
  };
  return Object.assign(
    (progress: Progress) => {
      if (performance.now() - last >= PROGRESS_MS) send(progress);
      else waiting = progress;
    },
    {
      flush() {
        if (waiting) send(waiting);
      },
    },
  );
}
