import type { ConfigKeys } from '../config_keys.ts';
import type { Family, Traits } from './family.ts';

/** Qwen2, Qwen2.5, Qwen2.5-Math, DeepSeek-R1-Distill-Qwen: q, k and v have a bias. */
export const qwen2: Family = {
  model_type: 'qwen2',
  architectures: ['Qwen2ForCausalLM'],
  defaults: { max_position_embeddings: 32768, num_key_value_heads: 32 },
  traits(keys) {
    if (keys.flag('use_mrope')) {
      throw keys.error('use_mrope', 'is true; rotary embeddings of several axes are not supported.');
    }
    return { attention_bias: true, o_proj_bias: false, mlp_bias: false, qk_norm: false, ...qwenWindow(keys) };
  },
  stopTokens: ['<|im_end|>', '<|endoftext|>'],
  gguf: { architecture: 'qwen2', permutesRows: false },
};

/** Qwen's files carry a window that is switched off; switched on, it holds for the layers from max_window_layers up. */
export function qwenWindow(keys: ConfigKeys): Pick<Traits, 'sliding_window'> {
  if (!keys.flag('use_sliding_window') || keys.isNull('sliding_window')) {
    return {};
  }
  const types = keys.texts('layer_types');
  const slides =
    types.length > 0
      ? types.includes('sliding_attention')
      : keys.count('num_hidden_layers') > Number(keys.value('max_window_layers') ?? 28);
  return slides ? { sliding_window: keys.count('sliding_window', 4096) } : {};
}
