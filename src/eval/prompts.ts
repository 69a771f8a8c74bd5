import { closest } from 'fastest-levenshtein';
import * as v from 'valibot';
import { parse } from 'yaml';
import { UserError } from '../gpu/errors.ts';
import { inJson } from '../gpu/shown.ts';
import type { ChatMessage } from '../model/chat.ts';
import type { Problem } from './data.ts';
import { ANSWER_RULES, type AnswerRule } from './judge.ts';
import { GSM8K_EXAMPLES, MATH_EXAMPLES } from './worked_examples.ts';

/** One worked example before the question. */
export interface PromptExample {
  question: string;
  /** What the model should have written after the template, without leading space. */
  completion: string;
}

/** How a problem becomes the text that the model continues. */
export interface PromptSpec {
  /** Text around a question, with `{question}` in it once or more; ends without a space. */
  template: string;
  /** Worked examples: before the question in a plain prompt, as earlier turns in a chat. */
  examples: PromptExample[];
  /** Between examples of a plain prompt. */
  separator: string;
  /** Texts that end a completion besides the end-of-sequence token. */
  stop: string[];
  /** Whether the model's chat template is put around it. */
  chat: boolean;
  /** First message of a chat. */
  system?: string;
  /** How the answers that the prompt asks for are found, where nothing else is said: the first rule counts (`trainingRule` in training), an evaluation reports the others too. */
  answer?: AnswerRule[];
}

/** Renders messages with the model's chat template up to where the assistant's answer begins. */
type RenderChat = (messages: ChatMessage[]) => string;

/** The paper's system line for models with a chat template. */
export const SYSTEM_LINE = 'Please reason step by step, and put your final answer within \\boxed{}.';

const QUESTION = '{question}';

const plain = (template: string, stop: string[]): PromptSpec => ({
  template,
  examples: [],
  separator: '\n\n',
  stop,
  chat: false,
});

/**
 * Prompts by name. `qa` is the demonstration's; `user-assistant` the paper's frame for models without a chat template, `chat` its
 * form for those with one. `gsm8k` (5 examples) and `math` (4) have the layout, the stop texts and the reading of answers of
 * lm-evaluation-harness's tasks gsm8k and minerva_math, around examples of their own.
 */
export const PRESETS = {
  qa: plain('Question: {question}\nAnswer:', []),
  'user-assistant': plain('User: {question}\nAssistant:', ['\nUser:']),
  chat: { ...plain(QUESTION, []), chat: true, system: SYSTEM_LINE },
  gsm8k: {
    ...plain('Question: {question}\nAnswer:', ['Question:', '</s>', '<|im_end|>']),
    examples: [...GSM8K_EXAMPLES],
    answer: ['gsm8k_strict', 'gsm8k_flexible'],
  },
  math: {
    ...plain('Problem:\n{question}\n\nSolution:', ['Problem:']),
    examples: [...MATH_EXAMPLES],
    answer: ['minerva', 'boxed'],
  },
} satisfies Record<string, PromptSpec>;

/** What a model is asked with where nothing else is said. */
export function defaultPrompt(hasChatTemplate: boolean): PromptSpec {
  return hasChatTemplate ? PRESETS.chat : PRESETS['user-assistant'];
}

/**
 * A prompt given in short: the name of a preset, or a template with `{question}` in it.
 * undefined for anything else: the caller takes it as the name of a prompt file (`parsePrompt`).
 */
export function promptFromSetting(setting: string): PromptSpec | undefined {
  if (Object.hasOwn(PRESETS, setting)) return PRESETS[setting as keyof typeof PRESETS];
  if (!setting.includes(QUESTION)) return undefined;
  return checked(plain(setting, []), 'prompt');
}

/**
 * The prompt of a setting; without one what a model is asked with by itself.
 * @param otherwise what else a setting could have been, for the message
 * @throws UserError for a setting that is neither a preset nor a template
 */
export function resolvePrompt(setting: string | undefined, hasChatTemplate: boolean, otherwise = ''): PromptSpec {
  if (setting === undefined) return defaultPrompt(hasChatTemplate);
  const spec = promptFromSetting(setting);
  if (spec) return spec;
  throw new UserError(
    `prompt ${JSON.stringify(setting)} is no preset (${Object.keys(PRESETS).join(', ')}), holds no {question}${otherwise}. Give one of these.`,
  );
}

const string = v.pipe(v.string(), v.minLength(1));
const example = v.strictObject({
  question: string,
  completion: v.optional(string),
  answer: v.optional(v.union([string, v.number()])),
});
const SCHEMA = v.strictObject({
  template: v.optional(string, PRESETS.qa.template),
  examples: v.optional(v.array(example), []),
  separator: v.optional(string, '\n\n'),
  stop: v.optional(v.array(string), []),
  chat: v.optional(v.boolean(), false),
  system: v.optional(string),
  answer: v.optional(v.pipe(v.array(v.picklist(ANSWER_RULES)), v.minLength(1))),
});
const EXPECTED: Record<string, string> = {
  template: 'a text with {question} in it',
  examples: 'a list of {question, completion} or {question, answer}',
  separator: 'a text',
  stop: 'a list of texts',
  chat: 'true or false',
  system: 'a text',
  answer: `a list of ${ANSWER_RULES.join(', ')}`,
};

/**
 * Reads a prompt file, YAML or JSON: `template`, `examples` (each `question` with a `completion` or a bare `answer`),
 * `separator`, `stop`, `chat`, `system`, `answer`. Without `chat` a `system` text is refused: a plain prompt has no place for it.
 * @param where the file's name, for messages
 */
export function parsePrompt(text: string, where: string): PromptSpec {
  let value: unknown;
  try {
    value = parse(text.replace(/^\uFEFF/, ''), { prettyErrors: true });
  } catch (error) {
    throw new UserError(`${where}: this is not YAML: ${(error as Error).message}`);
  }
  const result = v.safeParse(SCHEMA, value);
  if (!result.success) throw new UserError(`${where}: ${problemOf(result.issues[0])}`);
  const { examples, system, answer, ...rest } = result.output;
  if (system !== undefined && !rest.chat) {
    throw new UserError(
      `${where}: system is given, but chat is not true; set chat: true, or put the text into template.`,
    );
  }
  const spec = {
    ...rest,
    examples: examples.map((entry, i) => exampleOf(entry, i, where)),
    ...(system !== undefined && { system }),
    ...(answer !== undefined && { answer }),
  };
  return checked(spec, where);
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map((item) => String(item.key));
  const [key = ''] = path;
  const last = path.at(-1) ?? '';
  if (key === '') return 'a prompt file has keys with values (template: "Question: {question}\\nAnswer:").';
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const known = path.length > 1 ? ['question', 'completion', 'answer'] : Object.keys(EXPECTED);
    return `unknown key ${path.join('.')}; did you mean ${closest(last, known)}?`;
  }
  return `${path.join('.')} is ${inJson(issue.input)}; expected in ${key}: ${EXPECTED[key] ?? 'another value'}.`;
}

function exampleOf(entry: v.InferOutput<typeof example>, place: number, where: string): PromptExample {
  const completion = entry.completion ?? (entry.answer === undefined ? undefined : String(entry.answer));
  if (completion !== undefined) return { question: entry.question.trim(), completion: completion.trim() };
  throw new UserError(`${where}: examples.${place} has neither completion nor answer; give one of them.`);
}

function checked(spec: PromptSpec, where: string): PromptSpec {
  if (!spec.template.includes(QUESTION)) {
    throw new UserError(`${where}: template has no {question} in it: ${JSON.stringify(spec.template)}.`);
  }
  if (!spec.chat && / $/.test(spec.template)) {
    throw new UserError(
      `${where}: template ends with a space; tokenizers join a space to the word after it, so a prompt has to end before it. Take the space away.`,
    );
  }
  return spec;
}

function fill(template: string, question: string): string {
  return template.split(QUESTION).join(question.trim());
}

/**
 * The text of one problem's prompt. A plain prompt is the examples, each template filled in and followed by a space and
 * its completion, then the template with the question. A chat needs `renderChat`.
 * @throws UserError for a chat prompt without a chat template
 */
export function renderPrompt(spec: PromptSpec, problem: Pick<Problem, 'question'>, renderChat?: RenderChat): string {
  if (!spec.chat) {
    const shots = spec.examples.map((shot) => `${fill(spec.template, shot.question)} ${shot.completion}`);
    return [...shots, fill(spec.template, problem.question)].join(spec.separator).replace(/ +$/, '');
  }
  if (!renderChat) {
    throw new UserError(
      'The prompt asks for a chat, but the model has no chat template. Give --prompt user-assistant, or a template with {question} in it.',
    );
  }
  const turn = (question: string): ChatMessage => ({ role: 'user', content: fill(spec.template, question) });
  return renderChat([
    ...(spec.system === undefined ? [] : [{ role: 'system' as const, content: spec.system }]),
    ...spec.examples.flatMap((shot) => [turn(shot.question), { role: 'assistant' as const, content: shot.completion }]),
    turn(problem.question),
  ]);
}
