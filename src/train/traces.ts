import type { Prompt } from '../eval/completions.ts';
import type { Problem } from '../eval/data.ts';
import { UserError } from '../gpu/errors.ts';
import type { LanguageModel } from '../model/language_model.ts';

/** A prompt with the completion to learn (`sft`). */
export interface Trace {
  readonly prompt: Prompt;
  /** The end-of-sequence token included, unless it was cut off. */
  readonly completion: readonly number[];
  readonly cut: boolean;
}

/** A prompt with a better and a worse completion (`dpo`). */
export interface Pair {
  readonly prompt: Prompt;
  readonly chosen: readonly number[];
  readonly rejected: readonly number[];
}

export type Example = Trace | Pair;

/** A row of a data file, and where it stands, for messages. */
export interface ExampleRow {
  readonly columns: Readonly<Record<string, unknown>>;
  readonly source: string;
}

export interface ExampleOptions {
  /** Column of the question, or of the completion; found by themselves where not given. */
  readonly questionKey?: string | undefined;
  readonly answerKey?: string | undefined;
  /** Longest completion in tokens. */
  readonly maxCompletionLength: number;
  /** Tokens of the model's context. */
  readonly context: number;
  readonly encode: (problem: Problem) => Prompt;
  readonly lm: Pick<LanguageModel, 'tokenizer' | 'eosIds'>;
  /** Whether `encode` puts the model's chat template around a question. */
  readonly chat: boolean;
}

const QUESTION_KEYS = ['question', 'problem', 'input'];
const SOLUTION_KEYS = ['completion', 'solution'];

/** Worked solutions: columns `prompt` and `completion` as they stand, or a question and its `solution`. */
export function traces(rows: readonly ExampleRow[], options: ExampleOptions): Trace[] {
  const answerKeys = options.answerKey === undefined ? SOLUTION_KEYS : [options.answerKey];
  return rows.map((row, index) => {
    const asked = promptOf(row, index, options);
    const completion = text(row, answerKeys, '--answer-key');
    return { prompt: asked.prompt, ...complete(completion, asked, options) };
  });
}

/** Pairs: columns `prompt` (or a question), `chosen` and `rejected`. */
export function pairs(rows: readonly ExampleRow[], options: ExampleOptions): Pair[] {
  return rows.map((row, index) => {
    const asked = promptOf(row, index, options);
    const [chosen, rejected] = (['chosen', 'rejected'] as const).map((key) =>
      complete(text(row, [key]), asked, options),
    ) as [Completed, Completed];
    return { prompt: asked.prompt, chosen: chosen.completion, rejected: rejected.completion };
  });
}

interface Asked {
  readonly prompt: Prompt;
  /** Between the prompt and a completion. */
  readonly joint: string;
}

interface Completed {
  readonly completion: readonly number[];
  readonly cut: boolean;
}

/** The prompt as it stands in a column of that name, or the question as the model is asked it. */
function promptOf(row: ExampleRow, index: number, options: ExampleOptions): Asked {
  const raw = options.questionKey === undefined && Object.hasOwn(row.columns, 'prompt');
  const keys = raw ? ['prompt'] : options.questionKey === undefined ? QUESTION_KEYS : [options.questionKey];
  const question = text(row, keys, '--question-key');
  const problem: Problem = { question, answer: '', index, source: row.source };
  if (!raw) return { prompt: options.encode(problem), joint: options.chat ? '' : ' ' };
  return {
    prompt: { problem, text: question, ids: options.lm.tokenizer.encode(question, { addSpecialTokens: true }) },
    joint: '',
  };
}

/** Token ids of a completion with the end of sequence, cut off where it is too long. */
function complete(completion: string, { prompt, joint }: Asked, options: ExampleOptions): Completed {
  const { lm, maxCompletionLength, context } = options;
  const room = Math.max(0, Math.min(maxCompletionLength, context - prompt.ids.length));
  const ids = [...lm.tokenizer.encode(joint + completion), endOfAnswer(lm, options.chat)];
  return { completion: ids.slice(0, room), cut: ids.length > room };
}

/** The token that ends an answer: of a chat template the one that it writes after the assistant's words. */
function endOfAnswer({ tokenizer, eosIds }: ExampleOptions['lm'], chat: boolean): number {
  const [first] = eosIds;
  if (first === undefined) {
    throw new UserError(
      'The model names no end-of-sequence token (eos_token_id): a completion could not be taught to end.',
    );
  }
  if (!chat || eosIds.length === 1) return first;
  const mark = 'the answer';
  const messages = [
    { role: 'user', content: 'a question' },
    { role: 'assistant', content: mark },
  ];
  const written = tokenizer.renderChat(messages, { addGenerationPrompt: false });
  const after = tokenizer.encode(written.slice(written.lastIndexOf(mark) + mark.length));
  return after.find((id) => eosIds.includes(id)) ?? first;
}

/** @throws UserError naming the row and its columns where none of the keys holds a text */
function text({ columns, source }: ExampleRow, keys: readonly string[], option?: string): string {
  const key = keys.find((name) => Object.hasOwn(columns, name));
  const value = key === undefined ? undefined : columns[key];
  if (typeof value === 'string' && value.trim() !== '') return value;
  const found = key === undefined ? `found ${Object.keys(columns).join(', ') || 'none'}` : `${key} holds none`;
  const way = option === undefined ? '' : ` Name the column with ${option}.`;
  throw new UserError(`${source}: a text was expected in column ${keys.join(' or ')}, ${found}.${way}`);
}
