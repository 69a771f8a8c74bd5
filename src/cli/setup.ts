import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readFile } from '#platform';
import { asker } from '../eval/ask.ts';
import type { Prompt } from '../eval/completions.ts';
import type { Problem } from '../eval/data.ts';
import { unreadable } from '../eval/grade/judge.ts';
import { type PromptSpec, parsePrompt, promptFromSetting, resolvePrompt } from '../eval/prompts.ts';
import { builtinReward, type RewardFunction } from '../eval/rewards.ts';
import { formatBytes } from '../gpu/bytes.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { utf8 } from '../model/files.ts';
import type { CacheType } from '../model/kv_cache.ts';
import {
  type LanguageModel,
  type OpenedModel,
  openModelFiles,
  openTokenizer,
  uploadModel,
} from '../model/language_model.ts';
import { weightBytes } from '../model/model.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
import type { WeightDType } from '../model/weight_loader.ts';
import type { TrainConfig } from '../train/config.ts';
import type { Context } from './command.ts';
import { modelFiles } from './model_files.ts';
import { Progress } from './progress.ts';

/** Weights above this size say that they are being loaded. */
const SHOW_PROGRESS_ABOVE = 32 * 2 ** 20;

/** Opens a folder, a .gguf file or a model of the Hub: headers and tokenizer, no weights. @throws UserError for broken ones */
export async function openFiles(model: string): Promise<OpenedModel> {
  return openModelFiles(await modelFiles(model));
}

/** The tokenizer alone: of a model of the Hub no weights are fetched. @throws UserError as `openTokenizer` */
export async function tokenizerOf(model: string): Promise<Tokenizer> {
  const files = await modelFiles(model, 'tokenizer');
  try {
    return await openTokenizer(files);
  } finally {
    if ('close' in files) await files.close();
  }
}

interface LoadingOptions {
  readonly dtype?: WeightDType | undefined;
  readonly kvCacheDtype?: CacheType | undefined;
  /** Bytes. */
  readonly memoryBudget?: number | undefined;
  /** Where one is open already. */
  readonly device?: Device | undefined;
}

/** Uploads an opened model, which it closes, to a device that it opens if need be. @throws UserError before the upload where it cannot fit */
export async function loadModel(
  context: Context,
  opened: OpenedModel,
  options: LoadingOptions = {},
): Promise<LanguageModel> {
  const { dtype = 'auto', kvCacheDtype = 'f32', memoryBudget } = options;
  try {
    const bytes = weightBytes(opened.source, { dtype });
    if (memoryBudget !== undefined && bytes > memoryBudget) {
      throw new UserError(
        `The weights of ${opened.name} take ${formatBytes(bytes)}, and the memory budget is ${formatBytes(memoryBudget)}. ` +
          'Raise --memory-budget, take the model in fewer bits (a GGUF file in Q8_0 or Q4_K, --dtype f16 for one in f32), or a smaller model.',
      );
    }
    const device = options.device ?? (await context.openDevice(memoryBudget === undefined ? {} : { memoryBudget }));
    const progress =
      bytes > SHOW_PROGRESS_ABOVE ? new Progress({ label: `load ${opened.name}`, total: 100 }) : undefined;
    const lm = await uploadModel(device, opened, {
      dtype,
      kvCacheDtype,
      onProgress: (done, total) => {
        progress?.update(Math.floor((100 * done) / total), { text: `${formatBytes(done)} of ${formatBytes(total)}` });
        if (done === total) progress?.finish();
      },
    });
    context.note(`${opened.name}: ${formatBytes(bytes)} on ${device.caps.adapter}`);
    return lm;
  } finally {
    await opened.source.close();
  }
}

/** Opens and uploads in one go. @throws UserError as the two do. */
export async function openModel(context: Context, device: Device, path: string): Promise<LanguageModel> {
  return loadModel(context, await openFiles(path), { device });
}

export async function readText(path: string): Promise<string> {
  return utf8(await readFile(path), path);
}

/** Gold answers listed by name; more are counted. */
const MAX_LISTED = 5;

/** Says which gold answers the verifier cannot read: only the same text will count as right for them. */
export function noteUnreadable(context: Context, problems: readonly Problem[]): void {
  const found = problems.flatMap(({ answer, source }) => {
    const why = unreadable(answer);
    return why === undefined ? [] : [`${source}: ${JSON.stringify(answer.slice(0, 80))}: ${why}`];
  });
  if (found.length === 0) return;
  for (const line of found.slice(0, MAX_LISTED)) context.note(line);
  const count = found.length === 1 ? 'One gold answer' : `${found.length} gold answers`;
  context.note(`${count} of ${problems.length} cannot be read and will be compared as text.`);
}

/** A file that a model folder brings along, or undefined. */
export function ownFile(model: string, name: string): string | undefined {
  const path = join(model, name);
  return existsSync(path) ? path : undefined;
}

/** The prompt by preset, template or file; without a setting what the model suggests. */
export async function promptSpec(setting: string | undefined, hasChatTemplate: boolean): Promise<PromptSpec> {
  const isFile = setting !== undefined && !promptFromSetting(setting) && existsSync(setting);
  return isFile
    ? parsePrompt(await readText(setting), setting)
    : resolvePrompt(setting, hasChatTemplate, ', and is no file');
}

export interface Asker {
  /** Keeps what it has encoded: lengths are checked before the weights are loaded. */
  readonly encode: (problem: Problem) => Prompt;
  readonly stop: string[];
  readonly spec: PromptSpec;
}

export async function askerFor(
  config: { prompt?: string | undefined; stop?: string[] | undefined },
  opened: Pick<OpenedModel, 'tokenizer'>,
): Promise<Asker> {
  const spec = await promptSpec(config.prompt, opened.tokenizer.hasChatTemplate);
  const ask = asker(opened, spec);
  const known = new Map<Problem, Prompt>();
  const encode = (problem: Problem): Prompt => {
    const prompt = known.get(problem) ?? ask(problem);
    known.set(problem, prompt);
    return prompt;
  };
  return { encode, stop: config.stop ?? spec.stop, spec };
}

/** A built-in reward or the default export of the user's module, with the name that metrics carry and the module's text. */
export async function rewardFor(
  config: TrainConfig,
): Promise<{ reward: RewardFunction; rewardName: string; rewardSource?: string }> {
  // SFT and its kin look at no reward: what the configuration says of one is its default.
  if (config.method !== 'rl') return { reward: () => 0, rewardName: 'none' };
  const builtin = builtinReward(config.reward, config.answer, config.seed);
  if (builtin) return { reward: builtin, rewardName: config.reward };
  const path = resolve(config.reward);
  if (!existsSync(path)) {
    throw new UserError(`reward ${config.reward}: there is no such file, and it is none of correct, random, format.`);
  }
  const module = await importReward(path, config.reward);
  if (typeof module.default !== 'function') {
    throw new UserError(
      `reward ${config.reward}: its default export must be a function from {prompt, completion, answer, …} to a number, ` +
        `and it is ${module.default === undefined ? 'missing' : `a ${typeof module.default}`}.`,
    );
  }
  const name = (config.reward.split(/[/\\]/).at(-1) as string).replace(/\.\w+$/, '');
  return { reward: module.default as RewardFunction, rewardName: name, rewardSource: await readText(path) };
}

async function importReward(path: string, shown: string): Promise<{ default?: unknown }> {
  try {
    return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw new UserError(
        `reward ${shown}: Node ${process.versions.node} does not read TypeScript (22.18 and newer do). Give a .js or .mjs module.`,
      );
    }
    throw new UserError(
      `reward ${shown} cannot be loaded: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`,
    );
  }
}
