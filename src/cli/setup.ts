import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openFile, openFolder, readFile } from '#platform';
import { asker } from '../eval/ask.ts';
import type { Prompt } from '../eval/completions.ts';
import { type Problem, type ProblemOptions, parseProblems } from '../eval/data.ts';
import { defaultPrompt, type PromptSpec, parsePrompt, promptFromSetting } from '../eval/prompts.ts';
import { builtinReward, type RewardFunction } from '../eval/rewards.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { type LanguageModel, openLanguageModel } from '../model/language_model.ts';
import { decodeSteering, type Steering, type SteeringFile, uploadSteering } from '../model/steering.ts';
import type { TrainConfig } from '../train/config.ts';
import type { Context } from './command.ts';

/** Weights above this size show a bar while they load. */
const SHOW_PROGRESS_ABOVE = 32e6;

/** Loads a Hugging Face folder or a .gguf file. */
export async function openModel(context: Context, device: Device, path: string): Promise<LanguageModel> {
  const files = path.endsWith('.gguf') ? await openFile(path) : await openFolder(path);
  const bar = process.stderr.isTTY;
  const lm = await openLanguageModel(device, files, {
    onProgress: (done, total) => {
      if (bar && total > SHOW_PROGRESS_ABOVE)
        process.stderr.write(`\rloading ${path}: ${Math.floor((100 * done) / total)} %${done === total ? '\n' : ''}`);
    },
  });
  context.note(`${path}: ${(lm.model.bytes / 2 ** 20).toFixed(1)} MiB on ${device.caps.adapter}`);
  return lm;
}

export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readFile(path));
}

/** Problems of a file. @throws UserError naming file and line of the first bad one, or an empty file. */
export async function readProblems(path: string, options: ProblemOptions = {}): Promise<Problem[]> {
  const problems = parseProblems(await readText(path), path, options);
  if (problems.length === 0) throw new UserError(`${path} holds no problems: one JSON object a line was expected.`);
  return problems;
}

/** A file that a model folder brings along, or undefined. */
export function ownFile(model: string, name: string): string | undefined {
  const path = join(model, name);
  return existsSync(path) ? path : undefined;
}

/** The prompt by preset, template or file; without a setting what the model suggests. */
export async function promptSpec(setting: string | undefined, lm: LanguageModel): Promise<PromptSpec> {
  if (setting === undefined) return defaultPrompt(lm.tokenizer.hasChatTemplate);
  const short = promptFromSetting(setting);
  if (short) return short;
  if (existsSync(setting)) return parsePrompt(await readText(setting), setting);
  throw new UserError(
    `prompt ${JSON.stringify(setting)} is no preset (qa, user-assistant, chat), holds no {question}, and is no file. Give one of these.`,
  );
}

export async function askerFor(
  config: Pick<TrainConfig, 'prompt' | 'stop'>,
  lm: LanguageModel,
): Promise<{ encode: (problem: Problem) => Prompt; stop: string[] }> {
  const spec = await promptSpec(config.prompt, lm);
  return { encode: asker(lm, spec), stop: config.stop ?? spec.stop };
}

/** A built-in reward or the default export of the user's module, with the name that metrics carry. */
export async function rewardFor(config: TrainConfig): Promise<{ reward: RewardFunction; rewardName: string }> {
  const builtin = builtinReward(config.reward, config.answer, config.seed);
  if (builtin) return { reward: builtin, rewardName: config.reward };
  const path = resolve(config.reward);
  if (!existsSync(path))
    throw new UserError(`reward ${config.reward}: there is no such file, and it is none of correct, random, format.`);
  const module = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as { default?: unknown };
  if (typeof module.default !== 'function') {
    throw new UserError(
      `reward ${config.reward}: its default export must be a function from {prompt, completion, answer, …} to a number.`,
    );
  }
  return {
    reward: module.default as RewardFunction,
    rewardName: (config.reward.split('/').at(-1) as string).replace(/\.\w+$/, ''),
  };
}

/** Vectors from a file; `scale` undefined takes the one that they were trained with. */
export async function openSteering(
  lm: LanguageModel,
  path: string,
  scale: number | undefined,
): Promise<{ steering: Steering; file: SteeringFile }> {
  const file = decodeSteering(await readFile(path), path);
  const used = scale ?? Number(file.metadata.scale ?? 1);
  return { steering: uploadSteering(lm.model.device, lm.model.config, file, used, path), file };
}
