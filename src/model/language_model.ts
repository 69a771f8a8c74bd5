import type { Device } from '../gpu/device.ts';
import type { ModelFolder, RandomAccess } from './files.ts';
import { readJsonIfThere } from './files.ts';
import { readGgufMetadata } from './gguf_header.ts';
import { ggufTokenizer } from './gguf_tokenizer.ts';
import { type LoadOptions, loadModel, type Model } from './model.ts';
import { checkGguf, openModelSource, readTokenizer } from './source.ts';
import { Tokenizer } from './tokenizer.ts';
import { checkTensors, type ModelSource } from './weight_table.ts';

/** A model with its tokenizer: what turns text into text. */
export interface LanguageModel {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** Tokens that end a completion. */
  readonly eosIds: readonly number[];
  /** What the user called it. */
  readonly name: string;
}

/** A model whose files were opened and checked; no weight has been read. */
export interface OpenedModel extends Pick<LanguageModel, 'tokenizer' | 'eosIds' | 'name'> {
  /** To be closed by the caller. */
  readonly source: ModelSource;
}

/**
 * Opens a Hugging Face folder or a GGUF file, and reads headers and tokenizer.
 *
 * @throws UserError for anything wrong with the files.
 */
export async function openModelFiles(files: ModelFolder | RandomAccess): Promise<OpenedModel> {
  const source = await openModelSource(files);
  try {
    checkTensors(source);
    const tokenizer = Tokenizer.fromSource(source);
    return { source, tokenizer, eosIds: source.generation.eos_token_id, name: source.name };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * The tokenizer alone, of a model of any architecture: no weight is read, and a folder needs none.
 *
 * @throws UserError where there is none, or it cannot be read
 */
export async function openTokenizer(files: ModelFolder | RandomAccess): Promise<Tokenizer> {
  const { name } = files;
  if (!('open' in files)) {
    await checkGguf(files);
    return Tokenizer.of({ name, ...ggufTokenizer(await readGgufMetadata(files)) });
  }
  const config = (await readJsonIfThere(files, 'config.json')) as { vocab_size?: unknown } | null | undefined;
  const rows = Number(config?.vocab_size ?? Number.NaN);
  return Tokenizer.of({ name, ...(await readTokenizer(files)) }, Number.isSafeInteger(rows) ? rows : undefined);
}

/** Uploads the weights of an opened model. @throws UserError where they do not fit. */
export async function uploadModel(
  device: Device,
  opened: OpenedModel,
  options: LoadOptions = {},
): Promise<LanguageModel> {
  const { source, tokenizer, eosIds, name } = opened;
  return { model: await loadModel(device, source, options), tokenizer, eosIds, name };
}

/** Opens a Hugging Face folder or a GGUF file and uploads the model. @throws UserError as the two steps do. */
export async function openLanguageModel(
  device: Device,
  files: ModelFolder | RandomAccess,
  options: LoadOptions = {},
): Promise<LanguageModel> {
  const opened = await openModelFiles(files);
  try {
    return await uploadModel(device, opened, options);
  } finally {
    await opened.source.close();
  }
}
