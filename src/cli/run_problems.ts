import type { Problem } from '../eval/data.ts';
import { overlapOf, split } from '../eval/dataset.ts';
import { UserError } from '../gpu/errors.ts';
import type { TrainConfig } from '../train/config.ts';
import type { Context } from './command.ts';
import { fileList, type HeldOut, overlapLines, readProblems, withoutDuplicates } from './problem_files.ts';
import { ownFile } from './setup.ts';

export interface RunProblems {
  readonly trainProblems: readonly Problem[];
  readonly testProblems: readonly Problem[];
  /** What held-out.json says, where a part of the training data is held out. */
  readonly heldOut: HeldOut | undefined;
}

/** Training problems and those held out: the model's own, or those of the files that the configuration names. */
export async function problemsFor(context: Context, config: TrainConfig, model: string): Promise<RunProblems> {
  const { eval_split: size, eval_data: evalData, seed } = config;
  const keys = { questionKey: config.question_key, answerKey: config.answer_key };
  const own = config.data === undefined;
  const data = config.data ?? ownFile(model, 'problems-train.jsonl');
  if (data === undefined) {
    throw new UserError(
      `No problems: ${model} brings none of its own. Give --data FILE, with a question and an answer in each row.`,
    );
  }
  if (size !== undefined && evalData !== undefined) {
    throw new UserError('eval_split holds a part of data out, and eval_data names other problems: give one of them.');
  }
  const read = await readProblems(data, keys);
  const all = config.dedupe ? withoutDuplicates(context, read, data) : read;
  const limited = (problems: readonly Problem[]) => problems.slice(0, config.eval_size ?? problems.length);
  if (size !== undefined) {
    const parts = split(all, size, seed);
    if (!parts) {
      throw new UserError(`eval_split is ${size}, and ${data} has ${all.length} problems: none are left to train on.`);
    }
    const heldOut = { data: fileList(data), eval_split: size, seed, indices: parts.heldOut.map(({ index }) => index) };
    context.note(`${parts.heldOut.length} of ${all.length} problems are held out (held-out.json names them).`);
    return { trainProblems: parts.rest, testProblems: limited(parts.heldOut), heldOut };
  }
  const held = evalData ?? (own ? ownFile(model, 'problems-test.jsonl') : undefined);
  const testProblems = held === undefined ? [] : await readProblems(held, keys);
  return {
    trainProblems: apart(context, config.overlap, all, testProblems),
    testProblems: limited(testProblems),
    heldOut: undefined,
  };
}

/** Training problems, after a look at those that are held-out problems too. */
function apart(
  context: Context,
  policy: TrainConfig['overlap'],
  train: readonly Problem[],
  test: readonly Problem[],
): readonly Problem[] {
  const overlap = overlapOf(train, test);
  if (overlap.length === 0) return train;
  const what = `${overlap.length} of ${train.length} training problems are held-out problems too`;
  if (policy === 'refuse') {
    throw new UserError(`${what}:\n${overlapLines(overlap)}\n--overlap drop leaves them out of training.`);
  }
  context.note(
    `${policy === 'drop' ? what : `warning: ${what}: what is measured on them is memory`}:\n${overlapLines(overlap)}\n` +
      (policy === 'drop' ? 'They are left out of training.' : '--overlap drop leaves them out of training.'),
  );
  if (policy === 'warn') return train;
  const both = new Set(overlap.map((pair) => pair.train));
  const rest = train.filter((problem) => !both.has(problem));
  if (rest.length === 0)
    throw new UserError('Every training problem is a held-out problem: none are left to train on.');
  return rest;
}
