import { UserError } from '../gpu/errors.ts';

export const MODEL_TYPES = ['qwen2', 'llama'] as const;
export type ModelType = (typeof MODEL_TYPES)[number];

/** Llama 3.1's stretched rotary frequencies (transformers, `_compute_llama3_parameters`). */
export interface Llama3RopeScaling {
  readonly rope_type: 'llama3';
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** What a model is, under the keys of Hugging Face's config.json. */
export interface ModelConfig {
  readonly model_type: ModelType;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling?: Llama3RopeScaling;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
  /** Whether q, k and v have a bias. */
  readonly attention_bias: boolean;
  readonly mlp_bias: false;
  /** Tokens that end a text; empty where the model names none. */
  readonly eos_token_id: readonly number[];
  readonly bos_token_id?: number;
  readonly torch_dtype?: string;
}

/**
 * Checks the contents of config.json.
 * @param where its path, for messages
 * @param generation contents of generation_config.json, whose eos_token_id takes the place of config.json's
 * @throws UserError naming the key, when a value is missing or senseless, or the architecture is not supported
 */
export function parseConfig(json: unknown, where: string, generation?: unknown): ModelConfig {
  const config = new Keys(json, where);
  const type = config.value('model_type');
  const model_type = MODEL_TYPES.find((known) => known === type);
  if (!model_type) {
    throw config.error(
      'model_type',
      `is ${show(type)}, and this architecture is not supported. Supported: ${MODEL_TYPES.join(', ')}.`,
    );
  }
  refuseUnsupported(config, model_type);

  const hidden_size = config.count('hidden_size');
  const num_attention_heads = config.count('num_attention_heads');
  const num_key_value_heads = config.count('num_key_value_heads', num_attention_heads);
  if (num_attention_heads % num_key_value_heads !== 0) {
    throw config.error(
      'num_key_value_heads',
      `is ${num_key_value_heads}, which does not divide num_attention_heads ${num_attention_heads}.`,
    );
  }
  if (config.value('head_dim') === undefined && hidden_size % num_attention_heads !== 0) {
    throw config.error(
      'hidden_size',
      `is ${hidden_size}, no multiple of num_attention_heads ${num_attention_heads}; or give head_dim.`,
    );
  }
  const head_dim = config.count('head_dim', hidden_size / num_attention_heads);
  if (head_dim % 2 !== 0) {
    throw config.error('head_dim', `is ${head_dim}; rotary embeddings need an even one.`);
  }
  const vocab_size = config.count('vocab_size');
  const rope = ropeKeys(config);
  const rope_scaling = parseRopeScaling(rope);
  const tokens = { bos: config.tokenIds('bos_token_id', vocab_size), eos: config.tokenIds('eos_token_id', vocab_size) };
  const generationKeys = new Keys(generation ?? {}, where.replace(/config\.json$/, 'generation_config.json'));
  const generationEos = generationKeys.tokenIds('eos_token_id', vocab_size);
  const torch_dtype = config.value('torch_dtype') ?? config.value('dtype');
  return {
    model_type,
    hidden_size,
    intermediate_size: config.count('intermediate_size'),
    num_hidden_layers: config.count('num_hidden_layers'),
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    rms_norm_eps: config.positive('rms_norm_eps', 1e-6),
    rope_theta:
      rope.value('rope_theta') === undefined ? config.positive('rope_theta', 10000) : rope.positive('rope_theta'),
    ...(rope_scaling && { rope_scaling }),
    vocab_size,
    max_position_embeddings: config.count('max_position_embeddings', model_type === 'qwen2' ? 32768 : 2048),
    tie_word_embeddings: config.flag('tie_word_embeddings'),
    attention_bias: model_type === 'qwen2',
    mlp_bias: false,
    eos_token_id: generationEos.length > 0 ? generationEos : tokens.eos,
    ...(tokens.bos[0] !== undefined && { bos_token_id: tokens.bos[0] }),
    ...(typeof torch_dtype === 'string' && { torch_dtype }),
  };
}

function refuseUnsupported(config: Keys, type: ModelType): void {
  const activation = config.value('hidden_act') ?? 'silu';
  if (activation !== 'silu') {
    throw config.error('hidden_act', `is ${show(activation)}. Supported: silu.`);
  }
  if (config.flag('use_sliding_window')) {
    throw config.error('use_sliding_window', 'is true; attention within a sliding window is not supported.');
  }
  const layerTypes = config.value('layer_types');
  const odd = Array.isArray(layerTypes) ? layerTypes.find((layer) => layer !== 'full_attention') : undefined;
  if (odd !== undefined) {
    throw config.error('layer_types', `has ${show(odd)}. Supported: full_attention.`);
  }
  if (type === 'llama' && config.flag('attention_bias')) {
    throw config.error('attention_bias', 'is true; a llama with biases in its attention is not supported.');
  }
  if (config.flag('mlp_bias')) {
    throw config.error('mlp_bias', 'is true; biases in the feed-forward layers are not supported.');
  }
  const quantization = config.value('quantization_config');
  if (quantization !== undefined) {
    const method = (quantization as { quant_method?: unknown }).quant_method;
    throw config.error(
      'quantization_config',
      `says ${show(method)}: quantised safetensors are not supported. Take the model in bfloat16, float16 or float32, or as GGUF.`,
    );
  }
  if ((config.value('partial_rotary_factor') ?? 1) !== 1) {
    throw config.error('partial_rotary_factor', `is ${show(config.value('partial_rotary_factor'))}. Supported: 1.`);
  }
}

/** The keys about rotary embeddings: `rope_parameters` since transformers 5, `rope_scaling` before. */
function ropeKeys(config: Keys): Keys {
  const key = config.value('rope_parameters') === undefined ? 'rope_scaling' : 'rope_parameters';
  return new Keys(config.value(key) ?? {}, config.where, `${key}.`);
}

function parseRopeScaling(rope: Keys): Llama3RopeScaling | undefined {
  const type = rope.value('rope_type') ?? rope.value('type') ?? 'default';
  if (type === 'default') {
    return undefined;
  }
  if (type !== 'llama3') {
    throw rope.error('rope_type', `is ${show(type)}. Supported: default, llama3.`);
  }
  const scaling: Llama3RopeScaling = {
    rope_type: 'llama3',
    factor: rope.positive('factor'),
    low_freq_factor: rope.positive('low_freq_factor'),
    high_freq_factor: rope.positive('high_freq_factor'),
    original_max_position_embeddings: rope.count('original_max_position_embeddings'),
  };
  if (scaling.high_freq_factor <= scaling.low_freq_factor) {
    throw rope.error(
      'high_freq_factor',
      `is ${scaling.high_freq_factor}, not above low_freq_factor ${scaling.low_freq_factor}.`,
    );
  }
  return scaling;
}

/** Reads values out of a JSON object; its errors name the file and the key. null counts as absent, as in Python. */
class Keys {
  readonly where: string;
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #prefix: string;

  constructor(json: unknown, where: string, prefix = '') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new UserError(
        `${where}: ${prefix ? `${prefix.slice(0, -1)} is ${show(json)}, ` : ''}a JSON object is expected.`,
      );
    }
    this.where = where;
    this.#object = json as Record<string, unknown>;
    this.#prefix = prefix;
  }

  value(key: string): unknown {
    return Object.hasOwn(this.#object, key) ? (this.#object[key] ?? undefined) : undefined;
  }

  error(key: string, problem: string): UserError {
    return new UserError(`${this.where}: ${this.#prefix}${key} ${problem}`);
  }

  count(key: string, missing?: number): number {
    return this.#number(key, missing, 'a positive whole number', (n) => Number.isSafeInteger(n) && n > 0);
  }

  positive(key: string, missing?: number): number {
    return this.#number(key, missing, 'a positive number', (n) => Number.isFinite(n) && n > 0);
  }

  flag(key: string): boolean {
    const value = this.value(key) ?? false;
    if (typeof value !== 'boolean') {
      throw this.error(key, `is ${show(value)}; true or false is expected.`);
    }
    return value;
  }

  tokenIds(key: string, vocabSize: number): number[] {
    const value = this.value(key) ?? [];
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    for (const id of ids) {
      if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= vocabSize) {
        throw this.error(
          key,
          `has ${show(id)}; a token below vocab_size ${vocabSize}, or a list of them, is expected.`,
        );
      }
    }
    return ids as number[];
  }

  #number(key: string, missing: number | undefined, expected: string, valid: (value: number) => boolean): number {
    const value = this.value(key) ?? missing;
    if (value === undefined) {
      throw this.error(key, `is missing; ${expected} is expected.`);
    }
    if (typeof value !== 'number' || !valid(value)) {
      throw this.error(key, `is ${show(value)}; ${expected} is expected.`);
    }
    return value;
  }
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'missing';
}
