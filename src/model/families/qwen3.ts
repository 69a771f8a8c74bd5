import type { Family } from './family.ts';
import { qwenWindow } from './qwen2.ts';

/** Qwen3, dense: an RMSNorm on every head of q and k, a head_dim of its own, no bias unless attention_bias says so. */
export const qwen3: Family = {
  model_type: 'qwen3',
  architectures: ['Qwen3ForCausalLM'],
  defaults: { max_position_embeddings: 32768, num_key_value_heads: 32, head_dim: 128 },
  traits(keys) {
    const attention_bias = keys.flag('attention_bias');
    return { attention_bias, o_proj_bias: attention_bias, mlp_bias: false, qk_norm: true, ...qwenWindow(keys) };
  },
  stopTokens: ['<|im_end|>', '<|endoftext|>'],
  gguf: { architecture: 'qwen3', permutesRows: false },
};
