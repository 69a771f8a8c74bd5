import { UserError } from '../gpu/errors.ts';
import type { OpenedModel } from '../model/language_model.ts';
import { contextLength } from '../model/model.ts';
import type { TrainConfig } from '../train/config.ts';
import { type Example, type ExampleRow, pairs, traces } from '../train/traces.ts';
import type { Context } from './command.ts';
import { readProblems, readRows } from './problem_files.ts';
import { problemsFor, type RunProblems } from './run_problems.ts';
import { type Asker, noteUnreadable } from './setup.ts';

/** What a run learns from: problems, or the rows of worked solutions or pairs. */
interface RunData extends RunProblems {
  readonly rows: readonly ExampleRow[] | undefined;
}

/** The data that the configuration names, read. @throws UserError for what is wrong with it */
export async function dataFor(context: Context, config: TrainConfig, model: string): Promise<RunData> {
  const learned = config.method === 'sft' || config.method === 'dpo';
  const found = learned
    ? await exampleData(config)
    : { ...(await problemsFor(context, config, model)), rows: undefined };
  noteUnreadable(context, [...found.trainProblems, ...found.testProblems]);
  refuseUnmeasured(config, found.testProblems.length);
  return found;
}

/** Worked solutions or pairs, and the held-out problems beside them, whose columns are found by themselves. */
async function exampleData(config: TrainConfig): Promise<RunData> {
  const { method, data, eval_data: evalData, eval_size: size } = config;
  if (data === undefined) {
    const columns = method === 'sft' ? 'prompt and completion, or question and solution' : 'prompt, chosen, rejected';
    throw new UserError(`method ${method} learns from a file: give --data FILE with the columns ${columns}.`);
  }
  if (config.eval_split !== undefined) {
    throw new UserError(
      `eval_split is ${config.eval_split}, and method ${method} learns from solutions, of which none can be graded. Give held-out problems with --eval-data FILE.`,
    );
  }
  const testProblems = evalData === undefined ? [] : await readProblems(evalData);
  return {
    rows: await readRows(data),
    trainProblems: [],
    testProblems: testProblems.slice(0, size ?? testProblems.length),
    heldOut: undefined,
  };
}

/** @throws UserError where something is to be measured during the run, and there is nothing to measure it on */
function refuseUnmeasured(config: TrainConfig, testProblems: number): void {
  if (testProblems > 0) return;
  for (const key of ['eval_steps', 'baseline_prompt'] as const) {
    if (!config[key]) continue;
    throw new UserError(
      `${key} is ${config[key]}, and there are no held-out problems to measure. Give --eval-data FILE (and no --eval-size 0), or leave ${key} out.`,
    );
  }
}

/** The rows as token ids. @throws UserError for a row without the columns, naming it */
export function examplesOf(
  rows: readonly ExampleRow[],
  config: TrainConfig,
  opened: OpenedModel,
  { encode, spec }: Asker,
): readonly Example[] {
  const make = config.method === 'dpo' ? pairs : traces;
  return make(rows, {
    questionKey: config.question_key,
    answerKey: config.answer_key,
    maxCompletionLength: config.max_completion_length,
    context: contextLength(opened.source.config),
    encode,
    lm: opened,
    chat: spec.chat,
  });
}
