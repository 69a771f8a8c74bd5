import { openFolder } from '#platform';
import { type Problem, type ProblemOptions, problemsOf } from '../../src/eval/data.ts';
import { deduplicate, overlapOf, split } from '../../src/eval/dataset.ts';
import { readTable } from '../../src/eval/tables.ts';
import { UserError } from '../../src/gpu/errors.ts';
import type { ModelFolder, RandomAccess } from '../../src/gpu/platform.ts';
import { blobFile } from '../../src/model/files.ts';
import type { TrainConfig } from '../../src/train/config.ts';
import type { RunStore } from '../../src/train/rundir.ts';

/** Problems that come with the page, beside the demonstration model: within the page's folder, by which the worker is named. */
const EXAMPLES = 'models/demo';
const TRAIN = 'problems-train.jsonl';
const TEST = 'problems-test.jsonl';

/** What the reader chose to train on: what the model brings, the examples of the page, or files (JSON lines, CSV, Parquet). */
export type DataChoice =
  | { readonly kind: 'own' | 'examples' }
  | { readonly kind: 'files'; readonly train: File; readonly test?: File | undefined };

/** Problems as a run takes them. */
export interface RunData {
  readonly trainProblems: readonly Problem[];
  readonly testProblems: readonly Problem[];
  /** The fields of the configuration that name them. */
  readonly named: Pick<TrainConfig, 'data' | 'eval_data'>;
  /** Files of the run folder without which the run could not be resumed, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** What was left out, and what to beware of. */
  readonly notes: readonly string[];
}

/** Read, but not yet divided. */
interface Source {
  readonly train: readonly Problem[];
  readonly test: readonly Problem[] | undefined;
  readonly named: RunData['named'];
  /** Whether the run folder keeps a copy, for nobody else does. */
  readonly keep: boolean;
}

/** Columns that are named. */
export interface Keys {
  readonly question_key?: string | undefined;
  readonly answer_key?: string | undefined;
}

/** What a file of problems holds: how many, and the first ones. */
export interface DataPreview {
  readonly count: number;
  readonly first: readonly Problem[];
}

const PREVIEWED = 4;

/** @throws UserError naming the row of what cannot be read */
export async function previewData(file: File, keys: Keys): Promise<DataPreview> {
  const problems = await read(file, keys);
  return { count: problems.length, first: problems.slice(0, PREVIEWED) };
}

/** Whether a model brings problems of its own. */
export async function hasOwnProblems(files: ModelFolder | RandomAccess | undefined): Promise<boolean> {
  if (!files || !('open' in files)) return false;
  const file = await files.open(TRAIN);
  await file?.close();
  return file !== undefined;
}

/** The problems that a run is to learn from. @throws UserError naming file and row of what cannot be read */
export async function chosenData(
  choice: DataChoice,
  model: ModelFolder | RandomAccess | undefined,
  config: TrainConfig,
): Promise<RunData> {
  return divided(await sourceOf(choice, model, config), config);
}

/**
 * The problems that a run had when it began: the copy in its folder, those of its model, or those of the page.
 * @throws UserError where they are in a file that this page has never seen
 */
export async function dataOfRun(
  store: RunStore,
  model: ModelFolder | RandomAccess | undefined,
  config: TrainConfig,
  choice: DataChoice | undefined,
): Promise<RunData> {
  const kept = await store.read(TRAIN);
  if (kept) {
    const test = await store.read(TEST);
    const problems = (name: string, bytes: Uint8Array) => read(new File([bytes as Uint8Array<ArrayBuffer>], name), {});
    const source = { train: await problems(TRAIN, kept), test: test && (await problems(TEST, test)) };
    return divided({ ...source, named: { data: config.data, eval_data: config.eval_data }, keep: false }, config);
  }
  if (config.data === undefined) return chosenData({ kind: 'own' }, model, config);
  if (config.data === `${EXAMPLES}/${TRAIN}`) return chosenData({ kind: 'examples' }, model, config);
  if (choice?.kind === 'files') return chosenData(choice, model, config);
  const held = config.eval_data === undefined ? '' : `, and measured on ${config.eval_data}`;
  throw new UserError(
    `${store.where} was trained on ${config.data}${held}, which is not kept in its folder: choose the file under Data, then resume.`,
  );
}

async function sourceOf(
  choice: DataChoice,
  model: ModelFolder | RandomAccess | undefined,
  keys: Keys,
): Promise<Source> {
  if (choice.kind === 'files') {
    const { train, test } = choice;
    if (train.size === 0) throw new UserError('No file of problems is chosen yet.');
    return {
      train: await read(train, keys),
      test: test && (await read(test, keys)),
      named: { data: train.name, ...(test && { eval_data: test.name }) },
      keep: true,
    };
  }
  if (choice.kind === 'examples') {
    const own = await ownProblems(await openFolder(new URL(EXAMPLES, self.name).href));
    return { ...own, named: { data: `${EXAMPLES}/${TRAIN}`, eval_data: `${EXAMPLES}/${TEST}` }, keep: false };
  }
  if (!model || !('open' in model) || !(await hasOwnProblems(model))) {
    throw new UserError('This model brings no problems of its own: choose a file of problems, or the examples.');
  }
  return { ...(await ownProblems(model)), named: {}, keep: false };
}

async function ownProblems(folder: ModelFolder): Promise<Pick<Source, 'train' | 'test'>> {
  const problems = async (name: string) => {
    const file = await folder.open(name);
    return file && problemsOf(await readTable(file, name), name);
  };
  return { train: (await problems(TRAIN)) ?? [], test: await problems(TEST) };
}

async function read(file: File, { question_key, answer_key }: Keys): Promise<Problem[]> {
  const options: ProblemOptions = { questionKey: question_key, answerKey: answer_key };
  return problemsOf(await readTable(blobFile(file), file.name), file.name, options);
}

/** As the command line does: repeated questions out, a part held out where it is asked for, overlap looked at. */
function divided({ train: all, test, named, keep }: Source, config: TrainConfig): RunData {
  const notes: string[] = [];
  const files: Record<string, string> = keep ? { [TRAIN]: lines(all), ...(test && { [TEST]: lines(test) }) } : {};
  const { problems, duplicates } = deduplicate(all);
  const train = config.dedupe ? problems : all;
  if (config.dedupe && duplicates.length > 0) notes.push(`${duplicates.length} repeated questions are left out.`);
  const limited = (held: readonly Problem[]) => held.slice(0, config.eval_size ?? held.length);
  const { eval_split: size, seed } = config;
  if (size !== undefined && !test) {
    const parts = split(train, size, seed);
    if (!parts) {
      throw new UserError(`eval_split is ${size}, and there are ${train.length} problems: none are left to train on.`);
    }
    const indices = parts.heldOut.map(({ index }) => index);
    const heldOut = { data: [named.data ?? TRAIN], eval_split: size, seed, indices };
    return {
      trainProblems: parts.rest,
      testProblems: limited(parts.heldOut),
      named,
      files: { ...files, 'held-out.json': `${JSON.stringify(heldOut)}\n` },
      notes,
    };
  }
  if (size !== undefined) {
    throw new UserError(
      'eval_split holds a part of the problems out, and held-out problems are given: use one of them.',
    );
  }
  const held = test ?? [];
  return { trainProblems: apart(train, held, config, notes), testProblems: limited(held), named, files, notes };
}

function apart(
  train: readonly Problem[],
  held: readonly Problem[],
  { overlap: policy }: TrainConfig,
  notes: string[],
): readonly Problem[] {
  const overlap = overlapOf(train, held);
  if (overlap.length === 0) return train;
  const what = `${overlap.length} of ${train.length} training problems are held-out problems too`;
  if (policy === 'refuse') throw new UserError(`${what}: set overlap to drop to leave them out of training.`);
  if (policy === 'warn') {
    notes.push(`${what}: what is measured on them is memory. Set overlap to drop to leave them out of training.`);
    return train;
  }
  notes.push(`${what}: they are left out of training.`);
  const both = new Set(overlap.map((pair) => pair.train));
  const rest = train.filter((problem) => !both.has(problem));
  if (rest.length > 0) return rest;
  throw new UserError('Every training problem is a held-out problem: none are left to train on.');
}

/** Problems as JSON lines, in their order: their places in it are what random numbers and logs refer to. */
function lines(problems: readonly Problem[]): string {
  return problems.map(({ question, answer }) => `${JSON.stringify({ question, answer })}\n`).join('');
}
