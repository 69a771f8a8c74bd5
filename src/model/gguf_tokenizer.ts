/** The vocabulary in a GGUF file, as the tokenizer.json that Hugging Face has for it. */
import { UserError } from '../gpu/errors.ts';
import type { Metadata } from './gguf.ts';
import type { ModelSource, TokenizerData } from './weights.ts';

/** Values of tokenizer.ggml.token_type. */
const CONTROL = 3;
const USER_DEFINED = 4;

const split = (regex: string) => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false });
const byteLevel = (use_regex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});
const sequence = (...pretokenizers: object[]) => ({ type: 'Sequence', pretokenizers });

/** The pattern of Llama 3 and Qwen2, which differ in how many digits stay together. */
const words = (digits: string) =>
  split(
    `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  );

/**
 * By tokenizer.ggml.pre: how text is cut into words before the merges, after llama.cpp's llama-vocab.cpp. `default` says
 * that the converter did not know; GPT-2's pattern is what a gpt2 vocabulary had before there were others.
 */
const PRE_TOKENIZERS: Readonly<Record<string, object>> = {
  default: byteLevel(true),
  'gpt-2': byteLevel(true),
  smollm: sequence(split('\\p{N}'), byteLevel(true)),
  'llama-bpe': sequence(words('\\p{N}{1,3}'), byteLevel(false)),
  llama3: sequence(words('\\p{N}{1,3}'), byteLevel(false)),
  qwen2: sequence(words('\\p{N}'), byteLevel(false)),
};

/**
 * The tokenizer, or why there is none: weights can be used without.
 * @throws UserError when the vocabulary contradicts itself
 */
export function ggufTokenizer(keys: Metadata): Pick<ModelSource, 'tokenizer' | 'noTokenizer'> {
  const model = keys.optional('tokenizer.ggml.model');
  const pre = keys.optional('tokenizer.ggml.pre') ?? 'default';
  if (model === undefined) {
    return {
      noTokenizer: `${keys.where} has no tokenizer (no tokenizer.ggml.model). Take a file that was converted with its vocabulary.`,
    };
  }
  if (model !== 'gpt2') {
    return {
      noTokenizer: `${keys.where}: tokenizer.ggml.model is ${JSON.stringify(model)}. Supported: gpt2 (byte-level BPE).`,
    };
  }
  const preTokenizer = typeof pre === 'string' && Object.hasOwn(PRE_TOKENIZERS, pre) ? PRE_TOKENIZERS[pre] : undefined;
  if (!preTokenizer) {
    const known = Object.keys(PRE_TOKENIZERS).join(', ');
    return { noTokenizer: `${keys.where}: tokenizer.ggml.pre is ${JSON.stringify(pre)}. Supported: ${known}.` };
  }
  return { tokenizer: build(keys, preTokenizer, pre === 'llama-bpe' || pre === 'llama3') };
}

function build(keys: Metadata, pre_tokenizer: object, ignore_merges: boolean): TokenizerData {
  const tokens = texts(keys, 'tokenizer.ggml.tokens');
  const merges = texts(keys, 'tokenizer.ggml.merges');
  const types = keys.optional('tokenizer.ggml.token_type');
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries()) {
    vocab[token] ??= id;
  }
  const odd = merges.find((merge) => vocab[merge.replace(' ', '')] === undefined);
  if (odd !== undefined) {
    throw new UserError(
      `${keys.where}: tokenizer.ggml.merges has ${JSON.stringify(odd)}, which makes no token of the vocabulary.`,
    );
  }
  const added = tokens.flatMap((content, id) => {
    const type = Array.isArray(types) ? types[id] : undefined;
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return type === CONTROL || type === USER_DEFINED ? [{ id, content, ...flags, special: type === CONTROL }] : [];
  });
  const token = (key: string) => tokens[Number(keys.optional(key))];
  const bos_token = token('tokenizer.ggml.bos_token_id');
  const eos_token = token('tokenizer.ggml.eos_token_id');
  const template = keys.optional('tokenizer.chat_template');
  // As llama.cpp: Llama 3's files begin a text with its first token even where they do not say so.
  const addBos = keys.optional('tokenizer.ggml.add_bos_token') ?? ignore_merges;
  return {
    json: {
      version: '1.0',
      added_tokens: added,
      normalizer: null,
      pre_tokenizer,
      post_processor:
        addBos === true && bos_token !== undefined ? beginWith(bos_token, vocab[bos_token] as number) : null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: { type: 'BPE', unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges, vocab, merges },
    },
    ...(bos_token !== undefined && { bos_token }),
    ...(eos_token !== undefined && { eos_token }),
    ...(typeof template === 'string' && { chat_template: template }),
    where: keys.where,
  };
}

function beginWith(token: string, id: number): object {
  const begin = { SpecialToken: { id: token, type_id: 0 } };
  const a = { Sequence: { id: 'A', type_id: 0 } };
  const b = { Sequence: { id: 'B', type_id: 1 } };
  return {
    type: 'TemplateProcessing',
    single: [begin, a],
    pair: [begin, a, begin, b],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

function texts(keys: Metadata, key: string): string[] {
  const value = keys.optional(key);
  if (!Array.isArray(value) || value.some((text) => typeof text !== 'string')) {
    throw keys.error(key, 'is missing, or is not a list of texts.');
  }
  return value as string[];
}
