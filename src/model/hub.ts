/** Models and files of the Hugging Face Hub, through a store on this machine. */
import { hubSettings, openLocalModel } from '#platform';
import { UserError } from '../gpu/errors.ts';
import type { HubSettings } from '../gpu/hub_store.ts';
import type { DownloadOptions } from './download.ts';
import { type ModelFolder, named, type RandomAccess, readExactly } from './files.ts';
import { openRepository, type Repository } from './hub_repository.ts';

export interface HubProgress {
  /** The file that is on its way. */
  readonly file: string;
  /** Bytes of all files that have to come, one after the other; those of an earlier attempt are done. */
  readonly done: number;
  readonly total: number;
}

export interface HubOptions extends Partial<HubSettings>, Omit<DownloadOptions, 'store'> {
  /** A branch, a tag or a commit, for a name that says none itself. Default: `main`. */
  readonly revision?: string;
  readonly onProgress?: (progress: HubProgress) => void;
  /** Remarks, such as that the Hub is out of reach and the store is used. */
  readonly onNote?: (line: string) => void;
}

/** What a name such as `owner/name@revision:Q4_K_M` stands for. */
export interface HubName {
  readonly repo: string;
  /** Where the name says one. */
  readonly revision?: string;
  /** A GGUF file's path within the repository. */
  readonly file?: string;
  /** The part of a GGUF file's name that tells its quantisation. */
  readonly quantization?: string;
}

const NAME =
  /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@(refs\/[\w.-]+\/[\w.-]+|[\w./-]+?))?(?::([\w.-]+)|\/((?:[\w+ -][\w.+ -]*\/)*[\w+ -][\w.+ -]*\.gguf))?$/;

/** Undefined for what cannot be a name on the Hub: a path with a dot in front, one segment, or three. */
export function parseHubName(text: string): HubName | undefined {
  const [, repo, revision, quantization, file] = NAME.exec(text) ?? [];
  if (repo === undefined || /\.gguf$/i.test(repo) || repo.includes('..') || revision?.includes('..')) return undefined;
  return {
    repo,
    ...(revision !== undefined && { revision }),
    ...(file !== undefined && { file }),
    ...(quantization !== undefined && { quantization }),
  };
}

/** What is wanted of a model: all of it, or what `openTokenizer` reads (of a GGUF file all the same). */
export type HubPart = 'model' | 'tokenizer';

/**
 * The files of a model: those of a path (in a page, a URL) where there is one, else of the Hub, brought first if need be.
 *
 * @param model a folder, a .gguf file, or a name as `parseHubName` reads it
 * @throws UserError for what is neither, and as `openHubModel`
 */
export async function findModel(
  model: string,
  options: HubOptions = {},
  part: HubPart = 'model',
): Promise<ModelFolder | RandomAccess> {
  const local = await openLocalModel(model);
  if (local) return local;
  const name = parseHubName(model);
  if (!name) {
    const owner = /^[\w.-]*\w$/.test(model) && !/\.gguf$/i.test(model) ? ` On the Hub it would be OWNER/${model}.` : '';
    throw new UserError(
      `There is no ${model}. A model is a folder, a .gguf file, or a name on the Hugging Face Hub such as ` +
        `Qwen/Qwen2.5-0.5B-Instruct (owner/name, then @revision, /file.gguf or :Q4_K_M where needed).${owner}`,
    );
  }
  try {
    return await openHubModel(name, options, part);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`There is no file or folder ${model} here, and as a model of the Hub: ${error.message}`);
  }
}

/** Files beside the weights, those that are read; only the first has to be there. */
const CONFIG = 'config.json';
const BESIDE_WEIGHTS = [
  CONFIG,
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
];
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * A model of the Hub, after its files have come into the store: configuration, tokenizer and safetensors as a folder, or a
 * GGUF file.
 *
 * @throws UserError for a repository, a revision or a file that is not there, a Hub out of reach, no leave, no space
 */
export async function openHubModel(
  name: HubName,
  options: HubOptions = {},
  part: HubPart = 'model',
): Promise<ModelFolder | RandomAccess> {
  const revision = name.revision ?? options.revision ?? 'main';
  const where = { type: 'model', name: name.repo, revision } as const;
  const repository = await openRepository(where, withDefaults(options));
  if (name.file !== undefined || name.quantization !== undefined) {
    const path = name.file ?? ggufPath(repository, name.quantization as string);
    if (/-\d{5}-of-\d{5}\.gguf$/i.test(path)) {
      throw new UserError(
        `${name.repo}/${path} is one part of several, and such GGUF files are not read. Take one in a single file, ` +
          "or join the parts with llama.cpp's llama-gguf-split --merge.",
      );
    }
    await repository.bring([path]);
    return repository.open(path);
  }
  const ggufs = repository.paths.filter((path) => /\.gguf$/i.test(path));
  if (!repository.paths.includes(CONFIG) && ggufs.length > 0) {
    throw new UserError(
      `${name.repo} has GGUF files: say which one, as in ${name.repo}/${ggufs[0]}. It has ${ggufs.join(', ')}.`,
    );
  }
  await repository.bring([CONFIG, ...BESIDE_WEIGHTS.slice(1).filter((path) => repository.paths.includes(path))]);
  if (part === 'model') {
    await repository.bring(repository.paths.includes(WEIGHTS) ? [WEIGHTS] : await shards(repository));
  }
  return { name: name.repo, open: (file) => repository.openIfThere(file) };
}

/** The files that the index names, and the index. */
async function shards(repository: Repository): Promise<string[]> {
  const known = repository.paths.includes(INDEX) ? INDEX : WEIGHTS;
  await repository.bring([known], `Weights are read as ${WEIGHTS} or its shards, or as GGUF`);
  const file = await repository.open(INDEX);
  const text = new TextDecoder().decode(await readExactly(file, 0, file.size));
  await file.close();
  try {
    return [...new Set(Object.values((JSON.parse(text) as { weight_map: Record<string, string> }).weight_map))];
  } catch {
    throw new UserError(`${repository.name}/${INDEX}: weight_map must map tensors to files.`);
  }
}

function ggufPath(repository: Repository, quantization: string): string {
  const ggufs = repository.paths.filter((path) => /\.gguf$/i.test(path));
  const word = new RegExp(`(^|[^a-z0-9])${quantization.replaceAll('.', '\\.')}([^a-z0-9_]|$)`, 'i');
  const found = ggufs.filter((path) => word.test(path.replace(/\.gguf$/i, '')));
  if (found.length === 1) return found[0] as string;
  const has = ggufs.length > 0 ? `has ${ggufs.join(', ')}` : 'has no GGUF file';
  throw new UserError(
    `${repository.name}: ${found.length === 0 ? 'no file' : `more than one file (${found.join(', ')})`} fits ` +
      `":${quantization}"; ${repository.place} ${has}.${ggufs.length > 0 ? ` Name one, as in ${repository.name}/${ggufs[0]}.` : ''}`,
  );
}

interface HubFileOptions extends HubOptions {
  readonly type?: 'model' | 'dataset';
}

/**
 * One file of a model or data set, after it has come into the store; to be closed by the caller.
 *
 * @param repo such as `openai/gsm8k`
 * @param path within it, such as `main/test-00000-of-00001.parquet`
 * @throws UserError as `openHubModel`
 */
export async function openHubFile(repo: string, path: string, options: HubFileOptions = {}): Promise<RandomAccess> {
  const { type = 'model', revision = 'main' } = options;
  const within = path.split('/').slice(0, -1).join('/');
  const repository = await openRepository({ type, name: repo, revision }, withDefaults(options), within);
  await repository.bring([path]);
  return named(await repository.open(path), `${repo}/${path}`);
}

/** Paths of all files of a model or data set; offline those that the store has. @throws UserError as `openHubModel` */
export async function listHubFiles(repo: string, options: HubFileOptions = {}): Promise<readonly string[]> {
  const { type = 'model', revision = 'main' } = options;
  return (await openRepository({ type, name: repo, revision }, withDefaults(options))).paths;
}

function withDefaults(options: HubOptions): HubOptions & HubSettings {
  return { ...hubSettings(), ...options };
}
