import type { Family } from './family.ts';

/** Mistral 7B. llama.cpp stores it as a llama, its window left out. */
export const mistral: Family = {
  model_type: 'mistral',
  architectures: ['MistralForCausalLM'],
  defaults: { max_position_embeddings: 131072, num_key_value_heads: 8, bos_token_id: 1, eos_token_id: 2 },
  traits(keys) {
    const traits = { attention_bias: false, o_proj_bias: false, mlp_bias: false, qk_norm: false };
    // v0.1 has a window, v0.2 and v0.3 say null.
    return keys.isNull('sliding_window') ? traits : { ...traits, sliding_window: keys.count('sliding_window', 4096) };
  },
  stopTokens: ['</s>', '<|im_end|>'],
};
