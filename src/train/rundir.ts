import type { AccuracyPair } from '../eval/stats.ts';

import { UserError } from '../gpu/errors.ts';
import type { StepRow } from './metrics.ts';

/** Files of a run folder. */
export const RUN_FILES = {
  config: 'config.json',
  metrics: 'metrics.jsonl',
  completions: 'completions.jsonl',
  summary: 'summary.json',
  steering: 'steering.safetensors',
  best: 'best.safetensors',
  evaluations: 'evaluations.jsonl',
  checkpoint: 'checkpoint.safetensors',
  report: 'report.html',
} as const;

/**
 * Where a run keeps its files: a folder in Node, memory in a page and in tests.
 * Names are plain file names. Methods reject with a UserError where the user can help (disk full, no permission).
 */
export interface RunStore {
  /** For messages: the folder's path. */
  readonly where: string;
  /** Replaces the file as a whole: after a crash at any moment the old or the new content is there, never a part. */
  writeAtomic(name: string, content: Uint8Array | string): Promise<void>;
  /** Adds to the end of the file, creating it. After a crash the last line may be torn. */
  append(name: string, text: string): Promise<void>;
  /** undefined where there is no such file. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Removing what is not there is fine. */
  remove(name: string): Promise<void>;
  list(): Promise<string[]>;
}

/** A store that forgets: for tests, and for pages without a file system. */
export function memoryStore(where = 'memory'): RunStore {
  const files = new Map<string, Uint8Array>();
  const encode = (content: Uint8Array | string) =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
  return {
    where,
    async writeAtomic(name, content) {
      files.set(name, encode(content));
    },
    async append(name, text) {
      const [old, added] = [files.get(name) ?? new Uint8Array(), encode(text)];
      const joined = new Uint8Array(old.length + added.length);
      joined.set(old);
      joined.set(added, old.length);
      files.set(name, joined);
    },
    async read(name) {
      return files.get(name)?.slice();
    },
    async remove(name) {
      files.delete(name);
    },
    async list() {
      return [...files.keys()].sort();
    },
  };
}

/** One line of completions.jsonl. */
export interface CompletionRow {
  step: number;
  /** Place of the problem in its file, from 0. */
  problem: number;
  completion_index: number;
  prompt: string;
  completion: string;
  /** The gold answer, and what the verifier found (null for nothing). */
  answer: string;
  extracted: string | null;
  correct: boolean;
  reward: number;
  advantage: number;
  finish_reason: 'stop' | 'length';
  tokens: number;
}

/** A sample that nothing is graded of (`upft`). */
export type SampleRow = Pick<
  CompletionRow,
  'step' | 'problem' | 'completion_index' | 'prompt' | 'completion' | 'finish_reason' | 'tokens'
>;

/** One line of evaluations.jsonl: the vectors after so many steps. */
export interface EvaluationStep extends AccuracyPair {
  step: number;
}

/** summary.json: what scripts read. Fields may be added, these keep name and meaning. */
export interface RunSummary {
  /** Absent where nothing was measured (`eval_size: 0`, no held-out problems). */
  base?: AccuracyPair;
  steered?: AccuracyPair;
  /** The model without vectors, asked with `baseline_prompt`. */
  prompted?: AccuracyPair;
  /** With `eval_steps`: the best vectors, which best.safetensors holds. */
  best?: EvaluationStep;
  /** Whether `early_stopping_patience` ended the run. */
  stopped_early?: boolean;
  /** Whole run, evaluations included; over all parts of a resumed run. */
  seconds: number;
  /** Steps taken. */
  steps: number;
  adapter: string;
  seed: number;
  /** `none` where the method knows no rewards. */
  reward: string;
  method?: 'rl' | 'sft' | 'dpo' | 'upft';
}

async function readRows(store: RunStore, name: string): Promise<string[]> {
  const bytes = await store.read(name);
  return bytes ? new TextDecoder().decode(bytes).split('\n') : [];
}

function stepOf(line: string): number | undefined {
  try {
    const row: unknown = JSON.parse(line);
    const step = typeof row === 'object' && row !== null ? (row as { step?: unknown }).step : undefined;
    return typeof step === 'number' ? step : undefined;
  } catch {
    return undefined;
  }
}

/** Adds rows to a JSON-lines file in one write. */
export async function appendRows(
  store: RunStore,
  name: string,
  rows: readonly (StepRow | CompletionRow | SampleRow | EvaluationStep)[],
): Promise<void> {
  if (rows.length > 0) await store.append(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/**
 * Brings a JSON-lines log back to the moment of a checkpoint: rows of `step` and later, which the resumed run writes again,
 * are dropped, and so is a torn last line.
 * @returns the rows that stay
 */
export async function rewindRows<Row extends { step: number }>(
  store: RunStore,
  name: string,
  step: number,
): Promise<Row[]> {
  const lines = await readRows(store, name);
  const kept = lines.filter((line) => {
    const at = stepOf(line);
    return at !== undefined && at < step;
  });
  const same = kept.length === lines.length - 1 && lines.at(-1) === '';
  if (lines.length > 0 && !same) await store.writeAtomic(name, kept.map((line) => `${line}\n`).join(''));
  return kept.map((line) => JSON.parse(line) as Row);
}

/** Rows of both logs before `step`, the logs cut back to them: what a resumed run starts from. */
export async function rewindRun(store: RunStore, step: number): Promise<{ metrics: StepRow[]; completions: number }> {
  const metrics = await rewindRows<StepRow>(store, RUN_FILES.metrics, step);
  const completions = await rewindRows<CompletionRow>(store, RUN_FILES.completions, step);
  return { metrics, completions: completions.length };
}

/** Refuses a folder in which another run left its files: a new run would mix its logs into them. */
export async function refuseUsedFolder(store: RunStore): Promise<void> {
  const names: string[] = Object.values(RUN_FILES);
  const used = (await store.list()).filter((name) => names.includes(name));
  // Before the first step is logged there is nothing to lose: a run that failed at once does not block the next try.
  if (![RUN_FILES.metrics, RUN_FILES.completions, RUN_FILES.summary].some((name) => used.includes(name))) return;
  throw new UserError(
    `${store.where} already holds a run (${used.join(', ')}). Continue it with --resume ${store.where}, or name another folder with --out.`,
  );
}

/** Writes summary.json, indented, with a final newline. */
export async function writeSummary(store: RunStore, summary: RunSummary): Promise<void> {
  await store.writeAtomic(RUN_FILES.summary, `${JSON.stringify(summary, null, 2)}\n`);
}
