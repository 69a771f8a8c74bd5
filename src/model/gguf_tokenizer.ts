/** The vocabulary in a GGUF file, as the tokenizer.json that Hugging Face has for it. */
import { UserError } from '../gpu/errors.ts';
import type { Metadata } from './gguf_header.ts';
import { mergesOf } from './spm_merges.ts';
import type { ModelSource, TokenizerData } from './weight_table.ts';

/** Values of tokenizer.ggml.token_type. */
const UNKNOWN = 2;
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

interface PreTokenizer {
  readonly pre_tokenizer: object;
  readonly normalizer?: object;
  /** Llama 3: a whole word that is a token is one, whatever the merges make of it; and a text begins with the first token. */
  readonly llama3?: boolean;
}

const GPT2: PreTokenizer = { pre_tokenizer: byteLevel(true) };
const LLAMA3: PreTokenizer = { pre_tokenizer: sequence(words('\\p{N}{1,3}'), byteLevel(false)), llama3: true };
const QWEN2: PreTokenizer = {
  pre_tokenizer: sequence(words('\\p{N}'), byteLevel(false)),
  normalizer: { type: 'NFC' },
};

/**
 * By tokenizer.ggml.pre: how text is cut into words before the merges, after llama.cpp's llama-vocab.cpp. `default` says
 * that the converter did not know; GPT-2's pattern is what a gpt2 vocabulary had before there were others.
 */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  default: GPT2,
  'gpt-2': GPT2,
  smollm: { pre_tokenizer: sequence(split('\\p{N}'), byteLevel(true)) },
  'llama-bpe': LLAMA3,
  llama3: LLAMA3,
  'llama-v3': LLAMA3,
  qwen2: QWEN2,
  'deepseek-r1-qwen': QWEN2,
};

/**
 * The tokenizer, or why there is none: weights can be used without.
 * @throws UserError when the vocabulary contradicts itself
 */
export function ggufTokenizer(keys: Metadata): Pick<ModelSource, 'tokenizer' | 'noTokenizer'> {
  const model = keys.optional('tokenizer.ggml.model');
  if (model === undefined) {
    return {
      noTokenizer: `${keys.where} has no tokenizer (no tokenizer.ggml.model). Take a file that was converted with its vocabulary.`,
    };
  }
  if (model === 'llama') return { tokenizer: sentencePiece(keys) };
  if (model !== 'gpt2') {
    return {
      noTokenizer:
        `${keys.where}: tokenizer.ggml.model is ${JSON.stringify(model)}. ` +
        'Supported: gpt2 (byte-level BPE), llama (SentencePiece).',
    };
  }
  const pre = keys.optional('tokenizer.ggml.pre') ?? 'default';
  const known = typeof pre === 'string' && Object.hasOwn(PRE_TOKENIZERS, pre) ? PRE_TOKENIZERS[pre] : undefined;
  if (!known) {
    const names = Object.keys(PRE_TOKENIZERS).join(', ');
    return { noTokenizer: `${keys.where}: tokenizer.ggml.pre is ${JSON.stringify(pre)}. Supported: ${names}.` };
  }
  return { tokenizer: byteLevelBpe(keys, known) };
}

function byteLevelBpe(keys: Metadata, { pre_tokenizer, normalizer, llama3 = false }: PreTokenizer): TokenizerData {
  const tokens = texts(keys, 'tokenizer.ggml.tokens');
  const merges = texts(keys, 'tokenizer.ggml.merges');
  const vocab = vocabularyOf(tokens);
  const odd = merges.find((merge) => vocab[merge.replace(' ', '')] === undefined);
  if (odd !== undefined) {
    throw new UserError(
      `${keys.where}: tokenizer.ggml.merges has ${JSON.stringify(odd)}, which makes no token of the vocabulary.`,
    );
  }
  return withTokens(keys, tokens, llama3, {
    normalizer: normalizer ?? null,
    pre_tokenizer,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: llama3,
      vocab,
      merges,
    },
  });
}

/**
 * SentencePiece's BPE with byte fallback as transformers converts it: no words, spaces become ▁, one more is put in front of
 * the text and after each special token (unless add_space_prefix says no), merges come from the scores.
 */
function sentencePiece(keys: Metadata): TokenizerData {
  // The reader of the header takes a text that is a byte order mark alone, which Llama's vocabulary has, for one that begins so.
  const tokens = texts(keys, 'tokenizer.ggml.tokens').map((token) => token || '\ufeff');
  const scores = keys.optional('tokenizer.ggml.scores');
  if (!Array.isArray(scores) || scores.length !== tokens.length) {
    throw keys.error('tokenizer.ggml.scores', `is missing, or is not a list of ${tokens.length} numbers.`);
  }
  const unknown = Number(keys.optional('tokenizer.ggml.unknown_token_id') ?? tokenTypes(keys)?.indexOf(UNKNOWN) ?? -1);
  const prefix = keys.optional('tokenizer.ggml.add_space_prefix') !== false;
  const space = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  return withTokens(keys, tokens, true, {
    normalizer: { type: 'Sequence', normalizers: prefix ? [{ type: 'Prepend', prepend: '▁' }, space] : [space] },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      unk_token: tokens[unknown] ?? null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabularyOf(tokens),
      merges: mergesOf(tokens, scores as number[]),
    },
  });
}

/** Adds what both kinds have: special tokens, those that begin and end a text, the chat template. */
function withTokens(keys: Metadata, tokens: readonly string[], addsBos: boolean, json: object): TokenizerData {
  const types = tokenTypes(keys);
  const isAdded = (type: unknown) => type === CONTROL || type === USER_DEFINED || type === UNKNOWN;
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const added_tokens = tokens.flatMap((content, id) =>
    isAdded(types?.[id]) ? [{ id, content, ...flags, special: types?.[id] !== USER_DEFINED }] : [],
  );
  const edge = (name: 'bos' | 'eos') => {
    const id = Number(keys.optional(`tokenizer.ggml.${name}_token_id`));
    return tokens[id] === undefined ? undefined : { id, text: tokens[id] as string };
  };
  const [bos, eos] = [edge('bos'), edge('eos')];
  // As llama.cpp: Llama's files begin a text with its first token even where they do not say so.
  const begin = (keys.optional('tokenizer.ggml.add_bos_token') ?? addsBos) === true ? bos : undefined;
  const end = keys.optional('tokenizer.ggml.add_eos_token') === true ? eos : undefined;
  const template = keys.optional('tokenizer.chat_template');
  return {
    json: { version: '1.0', added_tokens, post_processor: begin || end ? between(begin, end) : null, ...json },
    ...(bos && { bos_token: bos.text }),
    ...(eos && { eos_token: eos.text }),
    ...(typeof template === 'string' && {
      chat_template: template,
      templateWhere: `tokenizer.chat_template of ${keys.where}`,
    }),
    where: keys.where,
  };
}

interface Token {
  readonly id: number;
  readonly text: string;
}

function between(begin: Token | undefined, end: Token | undefined): object {
  const special = (token: Token | undefined) => (token ? [{ SpecialToken: { id: token.text, type_id: 0 } }] : []);
  const around = (name: string) => [...special(begin), { Sequence: { id: name, type_id: 0 } }, ...special(end)];
  const used = [begin, end].filter((token) => token !== undefined);
  return {
    type: 'TemplateProcessing',
    single: around('A'),
    pair: [...around('A'), ...around('B')],
    special_tokens: Object.fromEntries(used.map(({ id, text }) => [text, { id: text, ids: [id], tokens: [text] }])),
  };
}

/** Of two tokens with one text the first counts. */
function vocabularyOf(tokens: readonly string[]): Record<string, number> {
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries()) vocab[token] ??= id;
  return vocab;
}

function tokenTypes(keys: Metadata): readonly unknown[] | undefined {
  const types = keys.optional('tokenizer.ggml.token_type');
  return Array.isArray(types) ? types : undefined;
}

function texts(keys: Metadata, key: string): string[] {
  const value = keys.optional(key);
  if (!Array.isArray(value) || value.some((text) => typeof text !== 'string')) {
    throw keys.error(key, 'is missing, or is not a list of texts.');
  }
  return value as string[];
}
