import { ConfigKeys, show } from './config_keys.ts';
import type { Family, Traits } from './families/family.ts';
import { FAMILIES, familyOfType } from './families/index.ts';
import { parseRope, type RopeScaling } from './rope_config.ts';

/** What a model is, under the keys of Hugging Face's config.json. */
export interface ModelConfig extends Traits {
  /** One of `FAMILIES`. */
  readonly model_type: string;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling?: RopeScaling;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
  /** Tokens that end a text; empty where the model names none. */
  readonly eos_token_id: readonly number[];
  readonly bos_token_id?: number;
  readonly torch_dtype?: string;
}

/**
 * Checks the contents of config.json, in the spelling of transformers 4 (`rope_theta`, `rope_scaling`, `torch_dtype`) or 5
 * (`rope_parameters`, `dtype`).
 * @param where its path, for messages
 * @param generation contents of generation_config.json, whose eos_token_id takes the place of config.json's
 * @throws UserError naming the key, when a value is missing or senseless, or the architecture is not supported
 */
export function parseConfig(json: unknown, where: string, generation?: unknown): ModelConfig {
  const config = new ConfigKeys(json, where);
  const family = familyOf(config);
  refuseUnsupported(config);

  const hidden_size = config.count('hidden_size');
  const num_attention_heads = config.count('num_attention_heads');
  const defaultKvHeads = config.isNull('num_key_value_heads') ? undefined : family.defaults.num_key_value_heads;
  const num_key_value_heads = config.count('num_key_value_heads', defaultKvHeads ?? num_attention_heads);
  if (num_attention_heads % num_key_value_heads !== 0) {
    throw config.error(
      'num_key_value_heads',
      `is ${num_key_value_heads}, which does not divide num_attention_heads ${num_attention_heads}.`,
    );
  }
  const defaultHeadDim = family.defaults.head_dim ?? hidden_size / num_attention_heads;
  if (config.value('head_dim') === undefined && !Number.isInteger(defaultHeadDim)) {
    throw config.error(
      'hidden_size',
      `is ${hidden_size}, no multiple of num_attention_heads ${num_attention_heads}; or give head_dim.`,
    );
  }
  const head_dim = config.count('head_dim', defaultHeadDim);
  if (head_dim % 2 !== 0) {
    throw config.error('head_dim', `is ${head_dim}; rotary embeddings need an even one.`);
  }
  const vocab_size = config.count('vocab_size');
  const max_position_embeddings = config.count('max_position_embeddings', family.defaults.max_position_embeddings);
  const tokens = (key: 'bos_token_id' | 'eos_token_id') => {
    const missing = config.value(key) === undefined && !config.isNull(key) ? family.defaults[key] : undefined;
    return missing === undefined ? config.tokenIds(key, vocab_size) : [missing];
  };
  const generationKeys = new ConfigKeys(generation ?? {}, where.replace(/config\.json$/, 'generation_config.json'));
  const generationEos = generationKeys.tokenIds('eos_token_id', vocab_size);
  const bos_token_id = tokens('bos_token_id')[0];
  const torch_dtype = config.value('torch_dtype') ?? config.value('dtype');
  const traits = family.traits(config);
  if (traits.sliding_window === undefined && config.texts('layer_types').includes('sliding_attention')) {
    throw config.error('layer_types', 'has "sliding_attention", and no window is switched on.');
  }
  return {
    model_type: family.model_type,
    hidden_size,
    intermediate_size: config.count('intermediate_size'),
    num_hidden_layers: config.count('num_hidden_layers'),
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    rms_norm_eps: config.positive('rms_norm_eps', 1e-6),
    ...parseRope(config, max_position_embeddings),
    vocab_size,
    max_position_embeddings,
    tie_word_embeddings: config.flag('tie_word_embeddings'),
    ...traits,
    eos_token_id: generationEos.length > 0 ? generationEos : tokens('eos_token_id'),
    ...(bos_token_id !== undefined && { bos_token_id }),
    ...(typeof torch_dtype === 'string' && { torch_dtype }),
  };
}

function familyOf(config: ConfigKeys): Family {
  const type = config.value('model_type');
  const family = familyOfType(type);
  if (!family) {
    const known = FAMILIES.map(({ model_type }) => model_type).join(', ');
    throw config.error('model_type', `is ${show(type)}, and this architecture is not supported. Supported: ${known}.`);
  }
  const architectures = config.texts('architectures');
  if (architectures.length > 0 && !architectures.some((name) => family.architectures.includes(name))) {
    throw config.error(
      'architectures',
      `is ${show(architectures)}. Supported for ${family.model_type}: ${family.architectures[0]}, the language model.`,
    );
  }
  return family;
}

/** Switches that any family may have, and that would change a number. */
function refuseUnsupported(config: ConfigKeys): void {
  const activation = config.value('hidden_act') ?? 'silu';
  if (activation !== 'silu') {
    throw config.error('hidden_act', `is ${show(activation)}. Supported: silu.`);
  }
  const quantization = config.value('quantization_config');
  if (quantization !== undefined) {
    const method = (quantization as { quant_method?: unknown }).quant_method;
    throw config.error(
      'quantization_config',
      `says ${show(method)}: quantised safetensors are not supported. Take the model in bfloat16, float16 or float32, or as GGUF.`,
    );
  }
  const layers = ['full_attention', 'sliding_attention'];
  const odd = config.texts('layer_types').find((layer) => !layers.includes(layer));
  if (odd !== undefined) {
    throw config.error('layer_types', `has ${show(odd)}. Supported: ${layers.join(', ')}.`);
  }
}
