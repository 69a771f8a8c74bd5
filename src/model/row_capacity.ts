/** How many rows of what grows with a rollout fit where. */
import { DTYPE_BYTES } from '../gpu/tensor.ts';
import type { ModelConfig } from './config.ts';
import type { CacheType } from './kv_cache.ts';

/** Rows of logits, [N, V rounded up to 4] f32, that one binding of so many bytes holds; one at least. */
export function logitRowsPerBinding({ vocab_size }: ModelConfig, maxBinding: number): number {
  return Math.max(1, Math.floor(maxBinding / (4 * (vocab_size + 3))));
}

/** Bytes that a row of keys and values takes over all layers. */
export function cacheRowBytes(config: ModelConfig, dtype: CacheType): number {
  const { num_hidden_layers, num_key_value_heads, head_dim } = config;
  return DTYPE_BYTES[dtype] * num_hidden_layers * 2 * num_key_value_heads * head_dim;
}

/** Completions of so many tokens that a cache of so many rows holds at once, `perPrompt` of them sharing the rows of a prompt. */
export function completionsInCache(rows: number, length: number, prompt: number, perPrompt: number): number {
  return Math.floor(rows / (prompt / perPrompt + length));
}
