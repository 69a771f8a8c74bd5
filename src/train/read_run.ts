import type { Evaluation } from '../eval/evaluate.ts';
import { jsonRows } from '../eval/tables.ts';
import { UserError } from '../gpu/errors.ts';
import { shown } from '../gpu/shown.ts';
import { utf8 } from '../model/files.ts';
import { decodeSteering, type SteeringFile } from '../model/steering.ts';
import { type Checkpoint, loadCheckpoint } from './checkpoint.ts';
import { parseTrainConfig, type TrainConfig } from './config.ts';
import { EVALUATION_FILES } from './experiment.ts';
import type { StepRow } from './metrics.ts';
import {
  type CompletionRow,
  type EvaluationStep,
  RUN_FILES,
  type RunStore,
  type RunSummary,
  type SampleRow,
} from './rundir.ts';

/** What a list of runs shows of one, without its logs. What the run has not come to yet is undefined. */
export interface RunHead {
  readonly config: TrainConfig;
  readonly base: Evaluation | undefined;
  readonly steered: Evaluation | undefined;
  readonly summary: RunSummary | undefined;
  readonly checkpoint: Checkpoint | undefined;
}

/** All that a run folder holds. */
export interface RunRecord extends RunHead {
  readonly metrics: readonly StepRow[];
  readonly completions: readonly (CompletionRow | SampleRow)[];
  readonly evaluations: readonly EvaluationStep[];
  readonly steering: SteeringFile | undefined;
}

/**
 * Reads a run folder, whoever wrote it. A torn last line, as a crash leaves it, is passed over: a resumed run writes it again.
 *
 * @throws UserError for a folder that is none, and for a broken file, naming it and the line
 */
export async function readRun(store: RunStore): Promise<RunRecord> {
  const head = await readRunHead(store);
  const steering = await store.read(RUN_FILES.steering);
  return {
    ...head,
    metrics: await rowsOf<StepRow>(store, RUN_FILES.metrics),
    completions: await rowsOf<CompletionRow | SampleRow>(store, RUN_FILES.completions),
    evaluations: await rowsOf<EvaluationStep>(store, RUN_FILES.evaluations),
    steering: steering && decodeSteering(steering, `${store.where}/${RUN_FILES.steering}`),
  };
}

/** The same without the logs and the vectors, which may be long. */
export async function readRunHead(store: RunStore): Promise<RunHead> {
  const names = await store.list();
  const config = await textOf(store, RUN_FILES.config);
  if (config === undefined) {
    const found = names.slice(0, 5).join(', ') || 'nothing';
    const more = names.length > 5 ? `, and ${names.length - 5} more` : '';
    throw new UserError(`${store.where} is no run folder: ${RUN_FILES.config} was expected, found ${found}${more}.`);
  }
  return {
    config: parseTrainConfig(config, `${store.where}/${RUN_FILES.config}`),
    base: await jsonOf<Evaluation>(store, EVALUATION_FILES.base, evaluationProblem),
    steered: await jsonOf<Evaluation>(store, EVALUATION_FILES.steered, evaluationProblem),
    summary: await jsonOf<RunSummary>(store, RUN_FILES.summary, summaryProblem),
    checkpoint: names.includes(RUN_FILES.checkpoint) ? await loadCheckpoint(store) : undefined,
  };
}

const NEWLINE = 10;

async function textOf(store: RunStore, name: string): Promise<string | undefined> {
  const bytes = await store.read(name);
  return bytes && utf8(bytes, `${store.where}/${name}`);
}

async function rowsOf<Row extends { step: number }>(store: RunStore, name: string): Promise<Row[]> {
  const bytes = (await store.read(name)) ?? new Uint8Array();
  const at = `${store.where}/${name}`;
  // A line that was torn may end within a character.
  const whole = utf8(bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1), at);
  return jsonRows(whole, at).map(({ columns, source }) => {
    if (Number.isSafeInteger(columns.step)) return columns as unknown as Row;
    throw new UserError(`${source}: a row with its step was expected, found ${shown(columns)}. Take the line out.`);
  });
}

async function jsonOf<T>(
  store: RunStore,
  name: string,
  problemOf: (value: Fields) => string | undefined,
): Promise<T | undefined> {
  const text = await textOf(store, name);
  if (text === undefined) return undefined;
  let problem = `one JSON object was expected, found ${shown(text)}`;
  try {
    const value: unknown = JSON.parse(text);
    if (isFields(value)) {
      const wrong = problemOf(value);
      if (wrong === undefined) return value as T;
      problem = wrong;
    }
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw new UserError(`${store.where}/${name}: ${problem}. Take the file away: a resumed run writes it again.`);
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is wrong with an evaluation: whoever shows one counts with its numbers. */
function evaluationProblem({ greedy, sampled, rows }: Fields): string | undefined {
  if (rows !== undefined && !(Array.isArray(rows) && rows.every(isFields)))
    return `rows should be a list of objects, found ${shown(rows)}`;
  return accuracyProblem({ greedy, sampled });
}

function summaryProblem({ base, prompted, steered, steps, seconds }: Fields): string | undefined {
  if (!Number.isSafeInteger(steps)) return `steps should be a whole number, found ${shown(steps)}`;
  if (!Number.isFinite(seconds)) return `seconds should be a number, found ${shown(seconds)}`;
  for (const [name, pair] of Object.entries({ base, prompted, steered })) {
    if (pair === undefined) continue;
    const both = isFields(pair) && isFields(pair.greedy) && isFields(pair.sampled);
    if (!both) return `${name} should have a greedy and a sampled accuracy, found ${shown(pair)}`;
    const problem = accuracyProblem({ greedy: pair.greedy, sampled: pair.sampled });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function accuracyProblem(accuracies: Fields): string | undefined {
  for (const [name, value] of Object.entries(accuracies)) {
    if (value === undefined) continue;
    if (isFields(value) && ['accuracy', 'lo', 'hi', 'n'].every((key) => Number.isFinite(value[key]))) continue;
    return `${name} should be an accuracy (accuracy, lo, hi, n), found ${shown(value)}`;
  }
  return undefined;
}
