import { batch, effect, signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { LensLayer } from '../../../src/eval/lens.ts';
import type { AccuracyPair } from '../../../src/eval/stats.ts';
import type { TrainConfig } from '../../../src/train/config.ts';
import type { ExamplePair, Stage } from '../../../src/train/experiment.ts';
import type { StepRow } from '../../../src/train/metrics.ts';
import { engine, gpu, inWords } from '../../app/engine.ts';
import { vectorsChanged } from '../../app/vectors.ts';
import type { DataChoice } from '../../worker/run_data.ts';
import type { AnsweredProblem, Progress, ShownRun, TrainingEvents } from '../../worker/run_events.ts';
import type { RunInfo } from '../../worker/runs.ts';
import type { RunEnd, RunRequest } from '../../worker/training.ts';

/** `pausing` waits for the GPU to finish what it is at; `broken`: the run ended by an error, and may go on. */
export type Phase = 'none' | 'starting' | 'running' | 'pausing' | 'paused' | 'finished' | 'broken';

/** Accuracies of the vectors after so many steps. */
export interface EvaluatedStep {
  readonly step: number;
  readonly pair: AccuracyPair;
}

/** The run that the page shows. */
export interface Run {
  readonly name: string;
  readonly config: TrainConfig;
}

export const phase = signal<Phase>('none');
export const run = signal<Run | undefined>(undefined);
export const rows = signal<readonly StepRow[]>([]);
export const evaluated = signal<readonly EvaluatedStep[]>([]);
export const base = signal<AccuracyPair | undefined>(undefined);
export const prompted = signal<AccuracyPair | undefined>(undefined);
/** After all steps. */
export const steered = signal<AccuracyPair | undefined>(undefined);
/** Newest first. */
export const answered = signal<readonly AnsweredProblem[]>([]);
export const stage = signal<Stage | undefined>(undefined);
export const progress = signal<Progress | undefined>(undefined);
export const result = signal<{ lens: readonly LensLayer[]; examples: readonly ExamplePair[] } | undefined>(undefined);
export const seconds = signal<number | undefined>(undefined);
export const warnings = signal<readonly string[]>([]);
export const problem = signal<string | undefined>(undefined);
/** Kept runs; undefined until they were looked for. */
export const kept = signal<readonly RunInfo[] | undefined>(undefined);
/** A kept run whose reward is drawn beside that of the one shown. */
export const control = signal<{ readonly name: string; readonly rows: readonly StepRow[] } | undefined>(undefined);

/** Steps whose answers stay on the page. */
const STEPS_SHOWN = 50;

/** Whether a run holds the engine. */
export function isBusy(): boolean {
  return phase.value === 'starting' || phase.value === 'running' || phase.value === 'pausing';
}

// A worker that is gone answers no more: what waited for it is over.
effect(() => {
  const { state } = gpu.value;
  if (state === 'ready' || !isBusy()) return;
  if (state === 'lost') return;
  phase.value = 'broken';
  problem.value = 'The GPU went away while it trained. What was saved last is kept: the run can go on from there.';
});

export async function startRun(request: RunRequest): Promise<void> {
  clear();
  await train((events) => engine().training.start(request, events));
}

/** Goes on with the run that is shown, from its last checkpoint. @param data its problems, where nothing here has them */
export async function resumeRun(changes: Readonly<Record<string, unknown>> = {}, data?: DataChoice): Promise<void> {
  const name = run.value?.name;
  if (name === undefined) return;
  await train((events) => engine().training.resume(name, events, changes, data));
}

export function pauseRun(): void {
  phase.value = 'pausing';
  void engine().training.pause();
}

/** Shows a kept run. */
export async function openRun(name: string): Promise<void> {
  clear();
  try {
    const opened = await engine().training.open(name);
    batch(() => {
      show(opened);
      const { lens, examples, summary, norms } = opened;
      const finished = summary !== undefined && summary.steps >= opened.config.max_steps;
      result.value = finished || lens.length > 0 ? { lens, examples } : undefined;
      seconds.value = summary?.seconds;
      phase.value = finished ? 'finished' : 'paused';
      if (norms.length > 0 && opened.modelIsLoaded) vectorsChanged();
    });
  } catch (error) {
    problem.value = inWords(error);
  }
}

/** Back to the settings of a new run. */
export function closeRun(): void {
  if (!isBusy()) clear();
}

export async function listRuns(): Promise<void> {
  try {
    kept.value = await engine().runs.list();
  } catch (error) {
    kept.value = [];
    problem.value = inWords(error);
  }
}

export async function deleteRun(name: string): Promise<void> {
  try {
    await engine().runs.delete(name);
    if (run.value?.name === name) clear();
    if (control.value?.name === name) control.value = undefined;
  } catch (error) {
    problem.value = inWords(error);
  }
  await listRuns();
}

/** Draws the reward of a kept run beside that of the one shown; none for undefined. */
export async function compareWith(name: string | undefined): Promise<void> {
  if (name === undefined) control.value = undefined;
  else control.value = { name, rows: await engine().runs.metrics(name) };
}

async function train(work: (events: TrainingEvents) => Promise<RunEnd>): Promise<void> {
  const own = proxy(eventsOf());
  batch(() => {
    phase.value = 'starting';
    problem.value = undefined;
    warnings.value = [];
    progress.value = undefined;
    stage.value = undefined;
  });
  const worker = engine();
  const isCurrent = () => engine() === worker;
  try {
    const end = await work(own);
    if (isCurrent()) ended(end);
  } catch (error) {
    if (!isCurrent()) return;
    batch(() => {
      problem.value = inWords(error);
      phase.value = run.value ? 'broken' : 'none';
    });
  }
  await listRuns();
}

function ended(end: RunEnd): void {
  batch(() => {
    progress.value = undefined;
    stage.value = undefined;
    phase.value = end.state;
    if (end.state === 'paused') return;
    const { lens, examples, summary } = end;
    result.value = { lens, examples };
    seconds.value = summary.seconds;
    steered.value = summary.steered;
  });
}

/** What the engine tells of the run that it trains. */
function eventsOf(): TrainingEvents {
  return {
    began: (begun) =>
      batch(() => {
        show(begun);
        if (phase.value === 'starting') phase.value = 'running';
      }),
    stage: (now) =>
      batch(() => {
        stage.value = now;
        progress.value = undefined;
      }),
    progress: (now) => {
      progress.value = now;
    },
    evaluated: (which, step, pair) =>
      batch(() => {
        if (which === 'base') base.value = pair;
        else if (which === 'prompted') prompted.value = pair;
        else {
          evaluated.value = [...evaluated.value.filter((row) => row.step !== step), { step, pair }];
          if (step === run.value?.config.max_steps) steered.value = pair;
        }
      }),
    step: (row, of) =>
      batch(() => {
        rows.value = [...rows.value, row];
        if (of) answered.value = [of, ...answered.value].slice(0, STEPS_SHOWN);
        progress.value = undefined;
        vectorsChanged();
      }),
    warning: (line) => {
      warnings.value = [...warnings.value, line];
    },
  };
}

function show(shown: ShownRun): void {
  run.value = { name: shown.name, config: shown.config };
  rows.value = shown.rows;
  evaluated.value = shown.evaluations.map(({ step, ...pair }) => ({ step, pair }));
  base.value = shown.base;
  steered.value = shown.steered;
  if (shown.steered && !evaluated.value.some(({ step }) => step === shown.step)) {
    evaluated.value = [...evaluated.value, { step: shown.step, pair: shown.steered }];
  }
  answered.value = shown.answered.toReversed();
}

function clear(): void {
  batch(() => {
    phase.value = 'none';
    run.value = undefined;
    rows.value = [];
    evaluated.value = [];
    answered.value = [];
    warnings.value = [];
    for (const one of [base, prompted, steered, stage, progress, result, seconds, problem, control]) {
      one.value = undefined;
    }
  });
}
