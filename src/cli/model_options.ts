import { type Command, InvalidArgumentError, Option } from 'commander';
import { readFile } from '#platform';
import { parseBytes } from '../gpu/bytes.ts';
import { UserError } from '../gpu/errors.ts';
import type { CacheType } from '../model/kv_cache.ts';
import type { OpenedModel } from '../model/language_model.ts';
import { checkSteering, decodeSteering, type SteeringFile } from '../model/steering.ts';
import type { WeightDType } from '../model/weight_loader.ts';
import type { Context } from './command.ts';
import { addOffline, MODEL_HELP } from './model_files.ts';
import { number } from './options.ts';

/** Options of every command that runs a model. */
export interface ModelOptions {
  readonly model: string;
  readonly dtype: WeightDType;
  readonly kvCacheDtype: CacheType;
  readonly memoryBudget?: number;
}

export interface SteeringOptions {
  readonly steering?: string;
  readonly scale?: number;
  readonly force?: boolean;
}

export function addModelOptions(command: Command, { required = true } = {}): Command {
  const model = new Option('--model <model>', MODEL_HELP).makeOptionMandatory(required);
  return addOffline(command)
    .addOption(model)
    .addOption(
      new Option('--dtype <type>', 'type in which the weights are kept on the GPU; auto: as they are stored')
        .choices(['auto', 'f32', 'f16', 'bf16'])
        .default('auto'),
    )
    .addOption(
      new Option('--kv-cache-dtype <type>', 'type in which generation keeps keys and values; f16 halves their bytes')
        .choices(['f32', 'f16'])
        .default('f32'),
    )
    .option(
      '--memory-budget <size>',
      'most GPU memory that may be used, such as 4GiB; larger models are refused',
      bytes,
    );
}

export function addSteeringOptions(command: Command): Command {
  return command
    .option('--steering <file>', 'steering vectors (safetensors)')
    .option('--scale <number>', 'factor on the vectors; default: the one that they were trained with', number())
    .option('--force', 'use vectors that were trained on another model of the same shape; the output says so');
}

function bytes(text: string): number {
  const value = parseBytes(text);
  if (value === undefined) throw new InvalidArgumentError('It must be a size such as 4GiB or 500MB.');
  return value;
}

/** Vectors that were found to fit a model, and the factor to use. */
export interface ReadSteering {
  readonly file: SteeringFile;
  readonly scale: number;
  readonly path: string;
}

export async function steeringFile(path: string): Promise<SteeringFile> {
  return decodeSteering(await readFile(path), path);
}

/** Reads vectors before the weights are loaded. @throws UserError for no such file, or vectors of another model */
export async function readSteering(
  context: Context,
  opened: OpenedModel,
  options: SteeringOptions,
): Promise<ReadSteering | undefined> {
  const { steering: path, scale } = options;
  if (path === undefined) {
    if (scale !== undefined)
      throw new UserError('--scale is a factor on steering vectors: give them with --steering FILE.');
    return undefined;
  }
  const file = await steeringFile(path);
  const { config, identity } = opened.source;
  const warning = checkSteering({ config, identity, name: opened.name }, file, path, options.force);
  if (warning !== undefined) context.warn(warning);
  const used = scale ?? Number(file.metadata.scale ?? 1);
  if (!Number.isFinite(used))
    throw new UserError(`${path}: scale in its metadata is ${file.metadata.scale}, no number. Give --scale.`);
  return { file, scale: used, path };
}
