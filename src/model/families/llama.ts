import type { Family } from './family.ts';

/** Llama 1, 2, 3, 3.1, 3.2, and what is built like them: SmolLM2, TinyLlama, DeepSeek-R1-Distill-Llama. */
export const llama: Family = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM', 'LLaMAForCausalLM'],
  defaults: { max_position_embeddings: 2048, bos_token_id: 1, eos_token_id: 2 },
  traits(keys) {
    const attention_bias = keys.flag('attention_bias');
    return { attention_bias, o_proj_bias: attention_bias, mlp_bias: keys.flag('mlp_bias'), qk_norm: false };
  },
  stopTokens: ['</s>', '<|eot_id|>', '<|end_of_text|>', '<|im_end|>', '<|endoftext|>'],
  gguf: { architecture: 'llama', permutesRows: true },
};
