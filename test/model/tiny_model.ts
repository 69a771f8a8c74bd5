import { type ModelConfig, parseConfig } from '../../src/model/config.ts';
import { type TensorToWrite, writeSafetensors } from '../../src/model/safetensors.ts';
import { expectedTensors } from '../../src/model/weight_table.ts';

export const TINY_CONFIG = {
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 6,
  tie_word_embeddings: true,
  eos_token_id: 5,
};

/** A byte-level tokenizer of the letters a to e and an end token. */
export const TINY_TOKENIZER = {
  added_tokens: [{ id: 5, content: '<end>', special: true }],
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: { a: 0, b: 1, c: 2, d: 3, e: 4, '<end>': 5 }, merges: [] },
};

export interface TinyOptions {
  readonly config?: object;
  /** Changes the tensors of the one weight file. */
  readonly edit?: (tensors: TensorToWrite[]) => TensorToWrite[];
  /** Added to the folder; null takes the file away. */
  readonly files?: Readonly<Record<string, string | object | null>>;
}

/** Zero weights, one tensor a name, in F32. */
export function tinyTensors(config: ModelConfig): TensorToWrite[] {
  return [...expectedTensors(config)].map(([name, shape]) => ({
    name,
    dtype: 'F32',
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  }));
}

/** The files of a tiny Hugging Face model folder, for memoryFolder. */
export function tinyModel({
  config = {},
  edit = (tensors) => tensors,
  files = {},
}: TinyOptions = {}): Map<string, Uint8Array> {
  const json = { ...TINY_CONFIG, ...config };
  const all: Record<string, string | object | null> = {
    'config.json': json,
    'tokenizer.json': TINY_TOKENIZER,
    'model.safetensors': writeSafetensors(edit(tinyTensors(parseConfig(json, 'config.json')))),
    ...files,
  };
  const bytes = new Map<string, Uint8Array>();
  for (const [name, content] of Object.entries(all)) {
    if (content !== null) {
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      bytes.set(name, content instanceof Uint8Array ? content : new TextEncoder().encode(text));
    }
  }
  return bytes;
}
