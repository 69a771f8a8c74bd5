import type { Device } from '../gpu/device.ts';
import type { ModelFolder, RandomAccess } from './files.ts';
import { loadModel, type LoadOptions, type Model } from './model.ts';
import { openModelSource } from './source.ts';
import { Tokenizer } from './tokenizer.ts';

/** A model with its tokenizer: what turns text into text. */
export interface LanguageModel {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** Tokens that end a completion. */
  readonly eosIds: readonly number[];
  /** What the user called it. */
  readonly name: string;
}

/**
 * Opens a Hugging Face folder or a GGUF file and uploads the model.
 *
 * @throws UserError for anything wrong with the files, before the first upload where it can be known.
 */
export async function openLanguageModel(
  device: Device,
  files: ModelFolder | RandomAccess,
  options: LoadOptions = {},
): Promise<LanguageModel> {
  const source = await openModelSource(files);
  try {
    const tokenizer = Tokenizer.fromSource(source);
    const model = await loadModel(device, source, options);
    return {
      model,
      tokenizer,
      eosIds: source.generation.eos_token_id,
      name: source.name,
    };
  } finally {
    await source.close();
  }
}
