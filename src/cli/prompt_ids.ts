import { UserError } from '../gpu/errors.ts';
import type { OpenedModel } from '../model/language_model.ts';
import { contextLength } from '../model/model.ts';

/**
 * Tokens of `--prompt`: the text as it is with `raw`, as a user's message where the model has a chat template, and otherwise
 * with the special tokens that the tokenizer begins a text with.
 *
 * @throws UserError where there are none, or so many that no token could follow
 */
export function promptIds({ tokenizer, source }: OpenedModel, prompt: string, raw: boolean): number[] {
  const asChat = !raw && tokenizer.hasChatTemplate;
  const text = asChat ? tokenizer.renderChat([{ role: 'user', content: prompt }]) : prompt;
  const ids = tokenizer.encode(text, { addSpecialTokens: !asChat && !raw });
  if (ids.length === 0) throw new UserError('--prompt is empty: give at least one token to continue.');
  const room = contextLength(source.config);
  if (ids.length < room) return ids;
  throw new UserError(
    `The prompt is ${ids.length} tokens long, and the context holds ${room}, the continuation included. Shorten it.`,
  );
}
