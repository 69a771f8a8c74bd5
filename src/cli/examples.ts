import { UserError } from '../gpu/errors.ts';
import type { OpenedModel } from '../model/language_model.ts';
import { contextLength } from '../model/model.ts';
import type { TrainConfig } from '../train/config.ts';
import { type Example, type ExampleRow, pairs, traces } from '../train/traces.ts';
import { type Asker, readText } from './setup.ts';

/** Rows of the file that `sft` and `dpo` learn from; undefined for the methods that sample. @throws UserError for no file */
export async function exampleRows(config: TrainConfig): Promise<ExampleRow[] | undefined> {
  const { method, data } = config;
  if (method !== 'sft' && method !== 'dpo') return undefined;
  if (data === undefined) {
    const columns = method === 'sft' ? 'prompt and completion, or question and solution' : 'prompt, chosen, rejected';
    throw new UserError(
      `method ${method} learns from a file: give --data FILE, JSON lines with the columns ${columns}.`,
    );
  }
  const text = (await readText(data)).replace(/^\uFEFF/, '');
  const rows = text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [row(line, `${data}:${i + 1}`)]));
  if (rows.length === 0)
    throw new UserError(`${data}: rows were expected, one JSON object a line, found an empty file.`);
  return rows;
}

function row(line: string, source: string): ExampleRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return { columns: value as ExampleRow['columns'], source };
  }
  throw new UserError(`${source}: one JSON object on the line was expected, found ${line.slice(0, 80)}.`);
}

/** The rows as token ids. @throws UserError for a row without the columns, naming it */
export function examplesOf(
  rows: readonly ExampleRow[],
  config: TrainConfig,
  opened: OpenedModel,
  { encode, chat }: Asker,
): readonly Example[] {
  const make = config.method === 'dpo' ? pairs : traces;
  return make(rows, {
    questionKey: config.question_key,
    answerKey: config.answer_key,
    maxCompletionLength: config.max_completion_length,
    context: contextLength(opened.source.config),
    encode,
    lm: opened,
    chat,
  });
}
