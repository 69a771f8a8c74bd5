/** GGUF files (github.com/ggml-org/ggml/blob/master/docs/gguf.md) of the known families, as a Hugging Face model. */
import { blockColumns, isQuantised, storedBytes } from '../gpu/blocks.ts';
import { UserError } from '../gpu/errors.ts';
import { type ModelConfig, parseConfig } from './config.ts';
import type { Family } from './families/family.ts';
import { FAMILIES, familyOfGguf } from './families/index.ts';
import { type RandomAccess, readExactly } from './files.ts';
import { Metadata, readGgufHeader } from './gguf_header.ts';
import { ggufTokenizer } from './gguf_tokenizer.ts';
import { GGUF_TYPES, type GgufType, unpermuteRows } from './gguf_types.ts';
import type { Llama3RopeScaling } from './rope_config.ts';
import { stopTokenIds } from './stop_tokens.ts';
import { identify, isIgnored, type ModelSource, type RowRange, type WeightInfo } from './weight_table.ts';

interface Place {
  readonly type: GgufType;
  readonly offset: number;
  readonly shape: readonly number[];
  /** Heads whose rows llama.cpp's converter permuted, 0 for every tensor but q and k. */
  readonly permutedHeads: number;
}

/**
 * Opens a GGUF file: reads its header, no weight. Tensors stay as they are stored.
 * @throws UserError when it is broken, or its architecture or a quantisation is not supported
 */
export async function openGguf(file: RandomAccess): Promise<ModelSource> {
  const { metadata, tensorInfos, tensorDataOffset } = await readGgufHeader(file);
  const keys = new Metadata(metadata, file.name);
  const architecture = keys.text('general.architecture');
  const family = familyOfGguf(architecture);
  if (!family) {
    const known = FAMILIES.flatMap(({ gguf }) => (gguf ? [gguf.architecture] : [])).join(', ');
    throw new UserError(
      `${file.name} is of the architecture "${architecture}", which is not supported. Supported in GGUF: ${known}.`,
    );
  }
  const infos = tensorInfos.map((info) => ({
    ggufName: info.name,
    name: huggingFaceName(info.name),
    shape: info.shape.map(Number).reverse(),
    dtype: info.dtype as number,
    offset: Number(tensorDataOffset + info.offset),
  }));
  const typeNames = (await import('@huggingface/gguf')).GGMLQuantizationType as Readonly<Record<number, string>>;
  const places = new Map<string, Place>();
  for (const info of infos) {
    const type = GGUF_TYPES.get(info.dtype);
    if (!type) {
      const supported = [...GGUF_TYPES.values()].map((known) => known.name).join(', ');
      throw new UserError(
        `${file.name}: tensor ${info.ggufName} is quantised as ${typeNames[info.dtype] ?? `type ${info.dtype}`}, which is not supported. ` +
          `Supported: ${supported}.`,
      );
    }
    const count = info.shape.reduce((product, size) => product * size, 1);
    const row = info.shape.at(-1) ?? 1;
    const bytes = storedBytes(count, type.dtype);
    if (row % blockColumns(type.dtype) !== 0) {
      throw new UserError(
        `${file.name}: tensor ${info.ggufName} has rows of ${row}, no multiple of ${type.name}'s blocks of ${blockColumns(type.dtype)}.`,
      );
    }
    if (info.shape.length < 2 && isQuantised(type.dtype)) {
      throw new UserError(
        `${file.name}: tensor ${info.ggufName} is a vector quantised as ${type.name}. Supported for vectors: F32, F16, BF16.`,
      );
    }
    if (info.offset + bytes > file.size) {
      throw new UserError(
        `${file.name} is truncated: tensor ${info.ggufName} ends at byte ${info.offset + bytes}, the file at ${file.size}. ` +
          'Copy or download it again.',
      );
    }
    places.set(info.name, { type, offset: info.offset, shape: info.shape, permutedHeads: 0 });
  }
  checkOffsets(infos, places, Number(keys.optional('general.alignment') ?? 32), file.name);

  const config = await readConfig(family, keys, file, places);
  for (const [name, place] of places) {
    const heads = family.gguf?.permutesRows ? rotatedHeads(name, config) : 0;
    // A matrix of the wrong height is left for checkTensors to name.
    if (heads > 0 && place.shape[0] === heads * config.head_dim) {
      places.set(name, { ...place, permutedHeads: heads });
    }
  }
  const tensors = new Map<string, WeightInfo>();
  for (const [name, place] of places) {
    if (name !== ROPE_FACTORS && !isIgnored(name, config)) {
      tensors.set(name, { name, dtype: place.type.dtype, shape: place.shape, file: file.name });
    }
  }
  const tokenizer = ggufTokenizer(keys);
  const read: ModelSource['read'] = async (name, rows) => {
    const place = places.get(name);
    if (!place) {
      throw new UserError(`${file.name} has no tensor ${name}.`);
    }
    return readRows(file, place, config.head_dim, rows);
  };
  return {
    name: file.name,
    config,
    tensors,
    read,
    ...tokenizer,
    generation: { eos_token_id: stopTokenIds(config, tokenizer.tokenizer) },
    identity: await identify(config, tensors, read),
    close: () => file.close(),
  };
}

/** Rows of a matrix, or all of a vector, in Hugging Face's order: of permuted ones whole heads are read. */
async function readRows(file: RandomAccess, place: Place, headDim: number, range?: RowRange): Promise<Uint8Array> {
  const { type, offset, shape, permutedHeads } = place;
  const rowBytes = storedBytes(
    shape.slice(1).reduce((product, size) => product * size, 1),
    type.dtype,
  );
  const { first, count } = range ?? { first: 0, count: shape[0] ?? 1 };
  if (permutedHeads === 0) return readExactly(file, offset + first * rowBytes, count * rowBytes);
  const head = Math.floor(first / headDim);
  const heads = Math.ceil((first + count) / headDim) - head;
  const bytes = await readExactly(file, offset + head * headDim * rowBytes, heads * headDim * rowBytes);
  const start = (first - head * headDim) * rowBytes;
  return unpermuteRows(bytes, heads, headDim).slice(start, start + count * rowBytes);
}

/** @throws UserError where tensors lie on each other, or where none may begin: they would hold each other's bytes */
function checkOffsets(
  infos: readonly { ggufName: string; name: string; offset: number }[],
  places: ReadonlyMap<string, Place>,
  alignment: number,
  where: string,
): void {
  let end = 0;
  for (const { ggufName, name, offset } of [...infos].sort((a, b) => a.offset - b.offset)) {
    const { type, shape } = places.get(name) as Place;
    if (offset % alignment !== 0 || offset < end) {
      throw new UserError(
        `${where}: tensor ${ggufName} begins at byte ${offset}, inside another tensor or at no multiple of ${alignment}. The header is broken.`,
      );
    }
    end =
      offset +
      storedBytes(
        shape.reduce((product, size) => product * size, 1),
        type.dtype,
      );
  }
}

const NAMES: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

const LAYER_NAMES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

const ROPE_FACTORS = 'rope_freqs.weight';

/** Unknown names stay as they are, and no model has them. */
function huggingFaceName(name: string): string {
  const [, layer, part, kind] = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const known = part === undefined ? undefined : LAYER_NAMES[part];
  return known ? `model.layers.${layer}.${known}.${kind}` : (NAMES[name] ?? name);
}

/** Heads whose rows or biases this tensor has, for those of q and k; 0 for all others. */
function rotatedHeads(name: string, config: ModelConfig): number {
  const [, part] = /self_attn\.([qk])_proj\.(?:weight|bias)$/.exec(name) ?? [];
  return part === 'q' ? config.num_attention_heads : part === 'k' ? config.num_key_value_heads : 0;
}

async function readConfig(
  family: Family,
  keys: Metadata,
  file: RandomAccess,
  places: ReadonlyMap<string, Place>,
): Promise<ModelConfig> {
  const at = (key: string) => `${family.gguf?.architecture}.${key}`;
  const scaling = keys.optional(at('rope.scaling.type')) ?? 'none';
  if (scaling !== 'none' && scaling !== 'linear') {
    throw keys.error(at('rope.scaling.type'), `is ${JSON.stringify(scaling)}. Supported: none, linear.`);
  }
  if (keys.numberOr(at('expert_count'), 0) > 0) {
    throw keys.error(at('expert_count'), 'is above 0; mixtures of experts are not supported.');
  }
  const hidden_size = keys.number(at('embedding_length'));
  const heads = keys.number(at('attention.head_count'));
  const head_dim = keys.numberOr(at('attention.key_length'), hidden_size / heads);
  for (const key of [at('rope.dimension_count'), at('attention.value_length')]) {
    if (keys.numberOr(key, head_dim) !== head_dim) {
      throw keys.error(key, `is ${keys.number(key)}, and a head has ${head_dim} values. Supported: the same number.`);
    }
  }
  const ends = ['eos', 'eot', 'eom'].map((name) => keys.optional(`tokenizer.ggml.${name}_token_id`));
  const config = parseConfig(
    {
      model_type: family.model_type,
      hidden_size,
      intermediate_size: keys.number(at('feed_forward_length')),
      num_hidden_layers: keys.number(at('block_count')),
      num_attention_heads: heads,
      num_key_value_heads: keys.numberOr(at('attention.head_count_kv'), heads),
      head_dim,
      rms_norm_eps: keys.number(at('attention.layer_norm_rms_epsilon')),
      rope_theta: keys.numberOr(at('rope.freq_base'), 10000),
      ...(scaling === 'linear' && { rope_scaling: { type: scaling, factor: keys.number(at('rope.scaling.factor')) } }),
      vocab_size: keys.numberOr(at('vocab_size'), places.get('model.embed_tokens.weight')?.shape[0] ?? 0),
      max_position_embeddings: keys.number(at('context_length')),
      tie_word_embeddings: !places.has('lm_head.weight'),
      attention_bias: places.has('model.layers.0.self_attn.q_proj.bias'),
      mlp_bias: places.has('model.layers.0.mlp.gate_proj.bias'),
      eos_token_id: [...new Set(ends.filter((id) => id !== undefined).map(Number))],
      bos_token_id: keys.optional('tokenizer.ggml.bos_token_id') ?? null,
    },
    file.name,
  );
  const window = keys.numberOr(at('attention.sliding_window'), 0);
  const factors = places.get(ROPE_FACTORS);
  return {
    ...config,
    ...(window > 0 && { sliding_window: window }),
    ...(factors && { rope_scaling: await readRopeFactors(config, file, factors) }),
  };
}

/**
 * llama.cpp's converter replaces Llama 3's rope_scaling by the divisors of the frequencies that come of it. All published
 * models have the same constants but for the factor, so they can be had back, and are checked.
 */
async function readRopeFactors(config: ModelConfig, file: RandomAccess, place: Place): Promise<Llama3RopeScaling> {
  const bytes = await readRows(file, place, config.head_dim);
  const factors = [
    ...new Float32Array(bytes.buffer, bytes.byteOffset, place.type.name === 'F32' ? bytes.length / 4 : 0),
  ];
  const scaling: Llama3RopeScaling = {
    rope_type: 'llama3',
    factor: Math.max(...factors),
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  const expected = Array.from({ length: config.head_dim / 2 }, (_, i) => {
    const turns =
      (scaling.original_max_position_embeddings * config.rope_theta ** ((-2 * i) / config.head_dim)) / (2 * Math.PI);
    const kept = Math.min(
      1,
      Math.max(0, (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)),
    );
    return 1 / ((1 - kept) / scaling.factor + kept);
  });
  if (
    factors.length !== expected.length ||
    expected.some((value, i) => Math.abs(value / (factors[i] as number) - 1) > 1e-4)
  ) {
    throw new UserError(
      `${file.name}: ${ROPE_FACTORS} stretches the rotary frequencies in a way that is not Llama 3's. Supported: none, Llama 3's.`,
    );
  }
  return scaling;
}
