import { existsSync } from 'node:fs';
import { parse } from 'yaml';
import type { Problem } from '../eval/data.ts';
import { deduplicate, overlapOf, split } from '../eval/dataset.ts';
import type { AnswerRule } from '../eval/judge.ts';
import { setName } from '../eval/transfer.ts';
import { UserError } from '../gpu/errors.ts';
import type { OpenedModel } from '../model/language_model.ts';
import { parseTrainConfig, type TrainConfig } from '../train/config.ts';
import type { Context } from './command.ts';
import type { ReadSteering } from './model_options.ts';
import { fileList, overlapLines, readProblems } from './problem_files.ts';
import { askerFor, ownFile, readText } from './setup.ts';

/** How problems are put and judged; where an option is missing, as in training. */
export interface AskingOptions {
  prompt?: string | undefined;
  stop?: string[] | undefined;
  answer?: AnswerRule | undefined;
  maxNewTokens?: number | undefined;
}

export interface Asking {
  readonly prompt: string | undefined;
  readonly stop: string[] | undefined;
  readonly answer: AnswerRule;
  readonly also: readonly AnswerRule[];
  readonly maxNewTokens: number;
}

/** Vectors and where they were read. */
type NamedSteering = Pick<ReadSteering, 'file' | 'path'>;

/**
 * Vectors are measured as they were trained unless options say otherwise: another prompt or another reading of the answer
 * would measure something else. Without vectors the model's own train.yaml says how problems are put.
 */
export async function askingOf(
  options: AskingOptions & { model: string },
  opened: Pick<OpenedModel, 'tokenizer'>,
  read: NamedSteering | undefined,
): Promise<Asking> {
  const own = ownFile(options.model, 'train.yaml');
  const trained = read ? configOf(read) : own ? parseTrainConfig(await readText(own), own) : undefined;
  const { prompt, stop, answer, max_completion_length: maxNewTokens } = trained ?? {};
  const setting = options.prompt ?? prompt;
  const { spec } = await askerFor({ prompt: setting }, opened);
  // A prompt that was chosen here brings its own stop texts and its own way to find the answer.
  const chosen = options.prompt !== undefined;
  const [first, ...also] = options.answer ? [options.answer] : (chosen && spec.answer) || [];
  return {
    prompt: setting,
    stop: options.stop ?? (chosen ? undefined : stop),
    answer: first ?? answer ?? spec.answer?.[0] ?? 'boxed',
    also,
    maxNewTokens: options.maxNewTokens ?? maxNewTokens ?? 256,
  };
}

function configOf({ file, path }: NamedSteering): Partial<TrainConfig> {
  if (file.metadata.config === undefined) return {};
  const value: unknown = parse(file.metadata.config);
  if (typeof value !== 'object' || value === null)
    throw new UserError(`${path}: config in its metadata is no configuration.`);
  return parseTrainConfig(value, `${path}, config in its metadata`);
}

/** Warns of problems to be measured that the vectors were trained on, as far as their training data are at hand. */
export async function noteOverlap(context: Context, read: NamedSteering, problems: readonly Problem[]): Promise<void> {
  const { data, model, eval_split: size, seed = 0, ...keys } = configOf(read);
  const named = data ?? (model === undefined ? undefined : ownFile(model, 'problems-train.jsonl'));
  if (named === undefined || !fileList(named).every((path) => existsSync(path))) return;
  const all = deduplicate(
    await readProblems(named, { questionKey: keys.question_key, answerKey: keys.answer_key }),
  ).problems;
  const trained = size === undefined ? all : split(all, size, seed)?.rest;
  const overlap = overlapOf(trained ?? all, problems);
  if (overlap.length === 0) return;
  context.warn(
    `${overlap.length} of these ${problems.length} problems are in ${named}, on which the vectors were trained:\n${overlapLines(overlap)}`,
  );
}

/** Name of the data set that vectors were trained on; undefined where they do not say. */
export function trainedOn(read: ReadSteering): string | undefined {
  const { data, model } = configOf(read);
  const first = data?.split(',')[0];
  return first === undefined ? model && setName(`${model}/problems-train.jsonl`) : setName(first);
}
