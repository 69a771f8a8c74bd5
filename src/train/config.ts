import { closest, distance } from 'fastest-levenshtein';
import * as v from 'valibot';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import { ANSWER_KINDS } from '../eval/grade/extract.ts';
import { parseBytes } from '../gpu/bytes.ts';
import { UserError } from '../gpu/errors.ts';
import { inJson } from '../gpu/shown.ts';
import { type At, refuseContradictions } from './contradictions.ts';
import { atLeastZero, choice, files, flag, fraction, integer, type Note, note, positive, text } from './fields.ts';
import { METHOD_FIELDS, OBJECTIVE_FIELDS, SELECTION_FIELDS } from './method_fields.ts';
import { presetFields } from './presets.ts';

const bytes = v.pipe(
  v.union([v.string(), v.number()]),
  v.check((value) => parseBytes(value) !== undefined),
  v.transform((value) => parseBytes(value) as number),
);

const LAYERS = /^\d+(?:-\d+)?(?:\s*,\s*\d+(?:-\d+)?)*$/;

const layers = v.union([
  v.literal('all'),
  v.pipe(v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), v.minLength(1), v.check(distinct)),
  v.pipe(
    v.union([v.string(), v.number()]),
    v.transform((value) => String(value).trim()),
    v.check((value) => LAYERS.test(value)),
    v.transform(layerList),
    v.check((list) => list.length > 0 && distinct(list)),
  ),
]);

function isPart(size: number): boolean {
  return size < 1 || Number.isInteger(size);
}

function distinct(list: number[]): boolean {
  return new Set(list).size === list.length;
}

/** `0-5,9` as a list; empty where a range runs backwards. */
function layerList(text: string): number[] {
  const ranges = text.split(',').map((part) => {
    const [first, last = first] = part.split('-').map(Number) as [number, number?];
    return Array.from({ length: Math.min(10_000, Math.max(0, last - first + 1)) }, (_, i) => first + i);
  });
  return ranges.every((range) => range.length > 0) ? ranges.flat() : [];
}

const rate = v.pipe(v.number(), v.finite(), v.gtValue(0));

const MODULE = /\.(?:js|mjs|ts|mts)$/;
const REWARDS = ['correct', 'random', 'format'];
const reward = v.pipe(
  v.string(),
  v.check((name) => REWARDS.includes(name) || MODULE.test(name)),
);

/** Names as in TRL's GRPOConfig and Hugging Face's TrainingArguments wherever they have the field. */
const ENTRIES = {
  model: text(
    'Folder with config.json, safetensors and tokenizer.json, .gguf file, or a name on the Hugging Face Hub.',
  ),
  data: files(
    'Problems: JSON lines, CSV or Parquet, from a path or the Hub (hf:openai/gsm8k/main/train); several with commas between. Without it a model folder that brings its own problems uses those.',
  ),
  question_key: text('Column of the question in `data`; found by itself among the usual names otherwise.'),
  answer_key: text('Column of the answer in `data`; found by itself among the usual names otherwise.'),
  eval_data: files('Held-out problems, measured before and after. A model folder that brings its own uses those.'),
  baseline_prompt: text(
    'Prompt (as `prompt`) with which the model without vectors is measured once more: what a prompt alone achieves.',
  ),
  eval_split: note(
    v.optional(v.pipe(v.number(), v.gtValue(0), v.check(isPart))),
    'number',
    'a share below 1, or a whole number of problems',
    'Holds a part of `data` out, drawn by the seed, and measures it instead of `eval_data`; held-out.json in the run folder names it.',
  ),
  dedupe: flag(true, 'Leave problems of `data` out whose question, case and spacing aside, came before.'),
  overlap: choice(
    ['warn', 'drop', 'refuse'],
    'warn',
    'What to do about problems that are in `data` and in the held-out problems: list them, leave them out of training, or stop.',
  ),
  eval_size: note(
    v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
    'integer',
    'a whole number of at least 0',
    'Only the first so many of the held-out problems; 0 measures nothing.',
  ),
  output_dir: text('Run folder: vectors, metrics, completions, checkpoints, report. `--out` on the command line.'),
  max_steps: integer(1, 40, 'Optimiser steps; each takes `num_prompts` new problems. `--steps` on the command line.'),
  num_train_epochs: note(
    v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0))),
    'number',
    'a number above 0',
    'Passes over the problems, in place of `max_steps`, which wins where both are given.',
  ),
  seed: note(
    v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(0xffffffff)), 0),
    'integer',
    'a whole number from 0 to 4294967295',
    'Key of all random numbers: order of the problems, sampling, random reward. The same seed gives the same bytes.',
  ),

  ...METHOD_FIELDS,

  num_prompts: integer(1, 8, 'Problems a step.'),
  num_generations: integer(
    1,
    8,
    'Completions sampled for each problem (K). Their rewards are compared with each other.',
  ),
  max_completion_length: integer(
    1,
    256,
    'Longest completion in tokens, end-of-sequence token included. What is cut off is graded as it stands, mostly without an answer: leave room.',
  ),
  temperature: positive(1, 'Divides the logits when sampling and in the loss alike.'),
  top_p: note(
    v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 1),
    'number',
    'a number above 0 and up to 1',
    'Has to stay 1 in training: the loss takes the whole distribution.',
  ),
  top_k: integer(0, 0, 'Has to stay 0 (off) in training: the loss takes the whole distribution.'),
  mask_truncated_completions: flag(false, 'Leave completions out of the loss that hit `max_completion_length`.'),

  prompt: text(
    '`qa`, `user-assistant`, `chat`, `gsm8k` (5 examples), `math` (4), a template with {question} in it, or a YAML/JSON prompt file. Chosen by the model otherwise.',
  ),
  stop: note(
    v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
    'yaml',
    'a list of texts',
    "Texts that end a completion, besides the end-of-sequence token; the prompt file's own otherwise.",
  ),
  answer: choice(
    ANSWER_KINDS,
    'boxed',
    'Where the verifier finds the answer: the last \\boxed{}, the last number of the text, what follows `answer is`, or what follows `####`. Never one in place of another.',
  ),
  reward: note(
    v.optional(reward, 'correct'),
    'text',
    'correct, random, format, or the path of a module (.js, .mjs, .ts)',
    '`correct`: +1 / -1 by the verifier. Controls: `random` (a fair +1 / -1), `format` (any box that is not empty). Or a module whose default export is a reward function.',
    REWARDS,
  ),

  advantage: choice(
    ['rloo', 'mean'],
    'rloo',
    'What a reward is compared with: the mean of the other completions of the prompt, or of all (smaller by (K-1)/K).',
  ),
  scale_rewards: choice(
    ['none', 'group', 'batch'],
    'none',
    'Divide advantages by the standard deviation (+ 1e-4) of the rewards of the group or of the batch.',
  ),
  loss_type: choice(
    ['dapo', 'grpo', 'dr_grpo'],
    'dapo',
    'Average over all tokens of the batch; or over each sequence, then over sequences; or over completions times `max_completion_length`.',
  ),
  beta: atLeastZero(
    0,
    'Weight of the KL penalty (k3) against the model without vectors. 0 also saves the reference pass.',
  ),
  ...OBJECTIVE_FIELDS,

  learning_rate: positive(
    1e-3,
    'Peak learning rate. The paper: 3e-4 to 2e-3 by model; small models take far more (the demonstration 0.03).',
  ),
  lr_scheduler_type: choice(
    ['constant_with_warmup', 'constant', 'linear', 'cosine'],
    'constant_with_warmup',
    'Course of the learning rate after the warm-up; `constant` has none, `linear` and `cosine` fall to 0.',
  ),
  warmup_ratio: fraction(0.03, 'Share of the steps over which the learning rate rises to its peak, rounded up.'),
  max_grad_norm: positive(2, 'The gradient of all vectors together is scaled down to this norm.'),
  adam_beta1: fraction(0.9, "AdamW: decay of the gradient's mean."),
  adam_beta2: fraction(0.999, "AdamW: decay of the squared gradient's mean."),
  adam_epsilon: positive(1e-8, 'AdamW: added to the root. There is no weight decay.'),

  layers: note(
    v.optional(layers, 'all'),
    'yaml',
    'all, or a list of different layer numbers from 0, such as [0, 1, 9] or 0-5,9',
    'Layers that get a vector, such as 0-5,9 or 5 alone. Nothing below the lowest is differentiated.',
  ),
  layer_learning_rates: note(
    v.optional(
      v.union([
        v.pipe(v.array(rate), v.minLength(1)),
        v.pipe(v.record(v.pipe(v.string(), v.regex(/^\d+$/)), rate), v.minEntries(1)),
      ]),
    ),
    'yaml',
    'learning rates above 0 by layer ({5: 0.01}), or a list of one for each trained layer',
    'Peak learning rates of single layers in place of `learning_rate`: {5: 0.01}, or a list, lowest trained layer first.',
  ),
  steering_scale: positive(1, 'Factor on the vectors wherever they are added.'),

  recompute: choice(
    ['auto', 'none', 'layer'],
    'auto',
    "`layer` keeps only each layer's input for the backward pass and computes the rest again: less memory, about half as much time again. `auto`: `none`, unless a prompt with all its completions then does not fit the memory.",
  ),
  reuse_activations: choice(
    ['auto', 'off'],
    'auto',
    'method rl: keep what sampling computes for the gradient of the first update, as far as the memory allows, instead of computing it again. The gradient has the same bits, or with prompts or completions of 256 tokens and more differs by rounding, about 1e-6.',
  ),
  activation_dtype: choice(
    ['f32', 'f16'],
    'f32',
    'Type in which `reuse_activations` keeps. f16 halves the bytes, so that memory holds twice the tokens; the gradient then differs by about 1e-3.',
  ),
  memory_budget: note(
    v.optional(bytes),
    'yaml',
    'a size such as 4GiB or 500MB',
    'Most GPU memory that the run may plan with; refused before it starts when it does not fit.',
  ),
  max_tokens_per_microbatch: note(
    v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
    'integer',
    'a whole number of at least 1',
    'Most tokens of one micro-batch of the training pass, whose gradients are added up; at least one sequence. By memory otherwise.',
  ),
  dtype: choice(
    ['auto', 'f32', 'f16', 'bf16'],
    'auto',
    'Type in which the frozen weights are kept on the GPU; `auto` as they are stored. Arithmetic is f32.',
  ),

  kv_cache_dtype: choice(
    ['f32', 'f16'],
    'f32',
    'Type in which rollouts keep keys and values. f16 halves their bytes; sampled log-probabilities then differ from those of the training pass by about 1e-3.',
  ),

  ...SELECTION_FIELDS,
  save_steps: integer(0, 10, 'Steps between checkpoints; 0 saves at the end and on Ctrl-C only.'),
  logging_steps: integer(1, 1, 'Steps between rows of metrics.jsonl.'),
} as const;

const SCHEMA = v.strictObject(ENTRIES);

/** A checked training configuration: every field that has a default is set. */
export interface TrainConfig extends v.InferOutput<typeof SCHEMA> {}
/** The same as it is given: every field may be left out. `configFields` explains each. */
export interface TrainConfigInput extends v.InferInput<typeof SCHEMA> {}

export interface ConfigField extends Note {
  name: keyof TrainConfig;
  /** undefined where the field may be left out. */
  default: unknown;
}

/** All fields in their order, with defaults: the source of `--help` and of the documentation. */
export function configFields(): ConfigField[] {
  return Object.entries(ENTRIES).map(([name, schema]) => {
    const about = v.getMetadata(schema) as unknown as Note;
    return { name: name as keyof TrainConfig, ...about, default: v.getDefault(schema) };
  });
}

/** What others call some fields, the command line among them. */
const ALIASES: Readonly<Record<string, string>> = { steps: 'max_steps', out: 'output_dir', lr: 'learning_rate' };

function unknownKey(key: string, at: string): UserError {
  const names = Object.keys(ENTRIES);
  const near = ALIASES[key] ?? closest(key, names);
  const hint =
    key in ALIASES || distance(key, near) <= Math.max(2, key.length / 2)
      ? `did you mean ${near}?`
      : `known keys: ${names.join(', ')}.`;
  return new UserError(`${at}: unknown key ${key}; ${hint}`);
}

interface Parsed {
  value: unknown;
  at: At;
}

function lineOf(document: Document, key: string): number | undefined {
  if (!isMap(document.contents)) return undefined;
  const pair = document.contents.items.find((item) => isNode(item.key) && String(item.key) === key);
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}

/** @throws UserError for aliases that stand for more than the text could, as of a few lines that grow without end */
function contentOf(document: Document, where: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new UserError(`${where}: this YAML cannot be read: ${(error as Error).message}. Write it without aliases.`);
  }
}

function parseYaml(source: string, where: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(source.replace(/^\uFEFF/, ''), { lineCounter: lines, prettyErrors: false });
  const line = (offset: number) => `${where}:${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error) throw new UserError(`${line(error.pos[0])}: this is not YAML: ${error.message}`);
  return {
    value: contentOf(document, where) ?? {},
    at: (key) => {
      const offset = key === undefined ? undefined : lineOf(document, key);
      return offset === undefined ? where : line(offset);
    },
  };
}

/**
 * Checks a training configuration and fills in what its preset says, then the defaults.
 * @param source YAML (or JSON) text, or an object
 * @param where the file's name, or where the object came from, for messages
 * @throws UserError naming the key, what was found and what was expected; for an unknown key the nearest known one
 */
export function parseTrainConfig(source: string | object, where: string): TrainConfig {
  const { value, at }: Parsed =
    typeof source === 'string' ? parseYaml(source, where) : { value: source, at: () => where };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UserError(`${where}: keys with values were expected (max_steps: 40), found ${inJson(value)}.`);
  }
  const given = Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined && entry !== null));
  for (const key of Object.keys(given)) if (!Object.hasOwn(ENTRIES, key)) throw unknownKey(key, at(key));
  const result = v.safeParse(SCHEMA, { ...presetFields(given), ...given });
  if (!result.success) {
    const key = String(result.issues[0].path?.[0]?.key);
    const field = configFields().find((candidate) => candidate.name === key);
    throw new UserError(`${at(key)}: ${key} is ${inJson(given[key])}; expected ${field?.expected ?? 'another value'}.`);
  }
  const config = result.output;
  // How many problems there are is not known here: `withSteps` puts the number in.
  if (config.num_train_epochs !== undefined && given.max_steps === undefined) config.max_steps = 0;
  refuseContradictions(config, configFields(), at);
  return config;
}
