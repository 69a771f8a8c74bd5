import type { ModelConfig } from './config.ts';
import { familyOfType } from './families/index.ts';
import type { TokenizerData } from './weight_table.ts';

/**
 * Tokens that end a completion: eos_token_id, and the family's stop tokens that the tokenizer has as special ones. A base
 * model asked by a chat template ends its turn as the template does (Qwen2.5: `<|im_end|>`), and its eos_token_id is
 * another token (`<|endoftext|>`).
 */
export function stopTokenIds(config: ModelConfig, tokenizer?: TokenizerData): readonly number[] {
  const stops = familyOfType(config.model_type)?.stopTokens ?? [];
  const { added_tokens } = (tokenizer?.json ?? {}) as { added_tokens?: unknown };
  const added: { id?: unknown; content?: unknown; special?: unknown }[] = Array.isArray(added_tokens)
    ? added_tokens
    : [];
  const ids = added
    .filter((token) => token?.special === true && stops.includes(token.content as string))
    .map((token) => token.id as number)
    .filter((id) => id < config.vocab_size);
  return [...new Set([...config.eos_token_id, ...ids])];
}
