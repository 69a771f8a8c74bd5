import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { parse } from 'yaml';
import { trainingRule } from '../eval/answer_rules.ts';
import type { AnswerKind } from '../eval/grade/extract.ts';
import { UserError } from '../gpu/errors.ts';
import { type ConfigField, configFields, parseTrainConfig, type TrainConfig } from '../train/config.ts';
import { addOffline } from './model_files.ts';
import { fileList } from './problem_files.ts';
import { ownFile, promptSpec, readText } from './setup.ts';

/** Shorter spellings of some fields on the command line. */
const SHORT: Readonly<Record<string, string>> = { max_steps: 'steps', output_dir: 'out' };

/** The option of a field: `learning_rate` is `--learning-rate`. */
function flagOf(field: string): string {
  return SHORT[field] ?? field.replaceAll('_', '-');
}

/**
 * Adds an option for every field of the training configuration, but those in `without`.
 * @param own values that stand in place of the defaults
 */
export function addConfigOptions(
  command: Command,
  without: readonly string[] = [],
  own: Readonly<Record<string, unknown>> = {},
): void {
  for (const field of configFields()) {
    if (without.includes(field.name)) continue;
    const shown = { ...field, default: own[field.name] ?? field.default };
    command.addOption(new Option(`--${flagOf(field.name)} <value>`, describe(shown)));
  }
  addOffline(command).option('--resume <folder>', 'go on with the run in this folder, to the same bits');
  command.option('--dry-run', 'print the plan (bytes of GPU memory, tokens, time) and stop');
  command.option('--show-prompt', 'print the first prompt with its tokens, and stop');
  command.option('--no-calibrate', 'with --dry-run: measure nothing, so that no weights are read');
}

function describe(field: ConfigField): string {
  const fallback = field.default === undefined ? '' : ` (default: ${JSON.stringify(field.default)})`;
  const choices = /^one of /.test(field.expected) ? ` (${field.expected})` : '';
  return `${field.description}${choices}${fallback}`;
}

/** The fields given on the command line, parsed as YAML does, so that 1e-3, true and [0, 1] mean what they say. */
function givenOptions(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const { name } of configFields()) {
    const key = flagOf(name).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const value = options[key];
    if (typeof value === 'string') given[name] = (READERS[name] ?? (TEXTS.has(name) ? String : scalar))(value);
  }
  return given;
}

/** Lists are easier typed without brackets: `--layers 0-5,9`, `--stop "Question:"` (a YAML list works as well). */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  stop: (text) => (text.startsWith('[') ? parse(text) : [plainText(text)]),
  prompt: plainText,
  baseline_prompt: plainText,
  layers: (text) => (/^[\d\s,-]+$/.test(text) ? text : scalar(text)),
};

const TEXTS: ReadonlySet<string> = new Set([
  'model',
  'data',
  'eval_data',
  'output_dir',
  'question_key',
  'answer_key',
  'reward',
]);

/** A text as it stands, or quoted as in YAML. @throws UserError for a line break that the shell has not made one */
function plainText(text: string): string {
  if (/^"(?:[^"\\]|\\.)*"$/s.test(text)) return String(parse(text));
  if (/\\n/.test(text) && !existsSync(text)) {
    throw new UserError(
      `${JSON.stringify(text)} holds a backslash and an n where a line break may have been meant. Write $'…\\n…' in the shell, or in ` +
        'double quotes within the value (\'"…\\n…"\').',
    );
  }
  return text;
}

function scalar(text: string): unknown {
  // YAML reads 1e-3 as a text.
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isNaN(number) ? parse(text) : number;
}

const PATHS = ['model', 'data', 'eval_data', 'prompt', 'baseline_prompt', 'reward'];

/** Files that a configuration names may lie beside it. */
function besides(file: string, fields: Record<string, unknown>): Record<string, unknown> {
  const found = { ...fields };
  for (const key of PATHS) {
    const value = fields[key];
    const named = Array.isArray(value) ? value : typeof value === 'string' ? fileList(value) : [];
    const beside = named.map((path) => (existsSync(path) ? path : join(dirname(file), path)));
    if (beside.length > 0 && beside.every((path) => existsSync(path))) found[key] = beside.join(',');
  }
  return found;
}

/** A folder for a run that names none: `runs/demo`, or with a number where that one is taken. */
export function freeFolder(model: string): string {
  const name = basename(model)
    .replace(/\.gguf$/, '')
    .replace(/[^\w.-]+/g, '-');
  for (let number = 1; ; number++) {
    const folder = number === 1 ? `runs/${name}` : `runs/${name}-${number}`;
    if (!existsSync(folder)) return folder;
  }
}

/** One layer over another: epochs asked for above count, and not steps asked for below. */
function over(below: Record<string, unknown>, above: Record<string, unknown>): Record<string, unknown> {
  const epochs = above.num_train_epochs !== undefined && above.max_steps === undefined;
  return { ...below, ...(epochs && { max_steps: undefined }), ...above };
}

/**
 * The configuration from, in rising order: defaults, what the model's own train.yaml says (while its own problems are
 * used), the file named on the command line, or the resumed run's configuration, and the options.
 */
export async function configFrom(
  file: string | undefined,
  options: Readonly<Record<string, unknown>>,
  resumed: TrainConfig | undefined,
): Promise<TrainConfig> {
  const given = givenOptions(options);
  const read = async (path: string): Promise<Record<string, unknown>> => {
    if (!existsSync(path))
      throw new UserError(`${path} does not exist: a YAML file with the configuration was expected.`);
    const text = await readText(path);
    parseTrainConfig(text, path);
    return besides(path, (parse(text) ?? {}) as Record<string, unknown>);
  };
  if (resumed) return parseTrainConfig(over(resumed, given), '--resume with these options');
  const recipe = file === undefined ? {} : await read(file);
  const { model, data } = { ...recipe, ...given } as { model?: string; data?: string };
  const own = model !== undefined && data === undefined ? ownFile(model, 'train.yaml') : undefined;
  // With other problems the model is still asked as it was made to be.
  const asked = model !== undefined && own === undefined ? ownFile(model, 'train.yaml') : undefined;
  const { prompt } = asked ? ((parse(await readText(asked)) ?? {}) as { prompt?: unknown }) : {};
  const layers = [own ? await read(own) : {}, prompt === undefined ? {} : { prompt }, recipe, given];
  return parseTrainConfig({ ...layers.reduce(over), ...(await answerOf(layers)) }, file ?? 'the command line');
}

/** A prompt brings its rule for the answer along, unless one is given beside or above it. */
async function answerOf(layers: readonly Record<string, unknown>[]): Promise<{ answer?: AnswerKind }> {
  const prompted = layers.findLastIndex((layer) => typeof layer.prompt === 'string');
  const prompt = layers[prompted]?.prompt;
  if (prompt === undefined || layers.slice(prompted).some(({ answer }) => answer !== undefined)) return {};
  const answer = trainingRule(await promptSpec(prompt as string, false));
  return answer ? { answer } : {};
}
