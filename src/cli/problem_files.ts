import { existsSync } from 'node:fs';
import { openFile, readFile } from '#platform';
import { type Problem, type ProblemOptions, problemsOf } from '../eval/data.ts';
import { deduplicate, type Overlap } from '../eval/dataset.ts';
import { filesOfPart, parseHubData } from '../eval/hub_data.ts';
import { readTable, type TableRow } from '../eval/tables.ts';
import { UserError } from '../gpu/errors.ts';
import type { RandomAccess } from '../gpu/platform.ts';
import { listHubFiles, openHubFile } from '../model/hub.ts';
import type { Context } from './command.ts';
import { withHubProgress } from './model_files.ts';

/** Several files in one option, with commas between them; a file whose name has one is itself. */
export function fileList(setting: string | readonly string[]): string[] {
  if (typeof setting !== 'string') return [...setting];
  if (existsSync(setting)) return [setting];
  return setting
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * Problems of one or more data files, counted on from file to file.
 * @param setting paths, one or with commas between them
 * @throws UserError naming file and row of the first bad one, or an empty file
 */
export async function readProblems(
  setting: string | readonly string[],
  options: ProblemOptions = {},
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const path of fileList(setting)) {
    for (const { file, name } of await openData(path)) {
      try {
        problems.push(...problemsOf(await readTable(file, name), name, options, problems.length));
      } finally {
        await file.close();
      }
    }
  }
  if (problems.length === 0) throw new UserError('No data file is named: give one after --data.');
  return problems;
}

/** Rows of one or more data files as they are. @throws UserError for files without rows */
export async function readRows(setting: string): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  for (const path of fileList(setting)) {
    for (const { file, name } of await openData(path)) {
      try {
        rows.push(...(await readTable(file, name)));
      } finally {
        await file.close();
      }
    }
  }
  if (rows.length === 0) throw new UserError(`${setting}: rows were expected, found none.`);
  return rows;
}

/** The file of a path, or the files of a data set's part on the Hub, which come into the cache first. */
async function openData(path: string): Promise<{ file: RandomAccess; name: string }[]> {
  const hub = parseHubData(path);
  if (!hub) return [{ file: await openFile(path), name: path }];
  return withHubProgress(async (options) => {
    const where = { ...options, type: 'dataset', revision: hub.revision } as const;
    const files: { file: RandomAccess; name: string }[] = [];
    for (const part of filesOfPart(hub, await listHubFiles(hub.repo, where))) {
      files.push({ file: await openHubFile(hub.repo, part, where), name: `hf:${hub.repo}/${part}` });
    }
    return files;
  });
}

/** Takes repeated questions out and says how many. */
export function withoutDuplicates(context: Context, problems: readonly Problem[], what: string): Problem[] {
  const { problems: kept, duplicates, conflicting } = deduplicate(problems);
  if (duplicates.length > 0) context.note(`${what}: ${duplicateLine(duplicates, conflicting)}; left out.`);
  return kept;
}

/** Says that questions are repeated, and takes none out: a benchmark is measured as it is. */
export function noteDuplicates(context: Context, problems: readonly Problem[], what: string): void {
  const { duplicates, conflicting } = deduplicate(problems);
  if (duplicates.length > 0) {
    context.note(
      `${what}: ${duplicateLine(duplicates, conflicting)}; measured as they are (--dedupe leaves them out).`,
    );
  }
}

function duplicateLine(duplicates: readonly Problem[], conflicting: number): string {
  const [first] = duplicates as [Problem];
  const other = conflicting > 0 ? `, ${conflicting} of them with another answer` : '';
  const [noun, verb] = duplicates.length === 1 ? ['problem', 'repeats'] : ['problems', 'repeat'];
  return `${duplicates.length} ${noun} ${verb} an earlier question${other} (${first.source}${duplicates.length > 1 ? ', …' : ''})`;
}

const LISTED = 5;

/** Lists problems that stand in the training and in the test data. */
export function overlapLines(overlap: readonly Overlap[]): string {
  const listed = overlap
    .slice(0, LISTED)
    .map(({ train, test }) => `  ${train.source} = ${test.source}: ${test.question.slice(0, 80)}`);
  const more = overlap.length > LISTED ? [`  … and ${overlap.length - LISTED} more`] : [];
  return [...listed, ...more].join('\n');
}

/** A run's held-out.json: which of the problems in its data it did not train on. */
export interface HeldOut {
  readonly data: readonly string[];
  readonly eval_split: number;
  readonly seed: number;
  /** `index` of each held-out problem. */
  readonly indices: readonly number[];
}

/** @throws UserError for a file that is none */
export async function readHeldOut(path: string): Promise<HeldOut> {
  let value: Partial<HeldOut> | null;
  try {
    value = JSON.parse(new TextDecoder().decode(await readFile(path))) as Partial<HeldOut> | null;
  } catch (error) {
    if (error instanceof UserError) throw error;
    value = null;
  }
  const { data, indices } = value ?? {};
  const fine = Array.isArray(data) && Array.isArray(indices) && indices.every((i) => Number.isInteger(i));
  if (fine) return value as HeldOut;
  throw new UserError(`${path} names no held-out problems: a run folder's held-out.json was expected (data, indices).`);
}

/** Those of the problems that were held out. @throws UserError where the data have fewer problems than then */
export function heldOutOf(problems: readonly Problem[], { indices }: HeldOut, path: string): Problem[] {
  const wanted = new Set(indices);
  const found = problems.filter(({ index }) => wanted.has(index));
  if (found.length === wanted.size) return found;
  throw new UserError(
    `${path} names ${wanted.size} problems, and the data have ${found.length} of them (${problems.length} in all): give the data of that run.`,
  );
}
