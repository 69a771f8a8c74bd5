import type { Prompted } from '../api/text.ts';
import { UserError } from '../gpu/errors.ts';
import type { OpenedModel } from '../model/language_model.ts';
import { contextLength } from '../model/model.ts';

/** What `--prompt` stands for, as `streamText` takes it. */
export function promptedBy(
  { tokenizer }: Pick<OpenedModel, 'tokenizer'>,
  text: string,
  raw: boolean,
): { readonly prompt: Prompted; readonly addSpecialTokens: boolean } {
  const asChat = !raw && tokenizer.hasChatTemplate;
  return { prompt: asChat ? [{ role: 'user', content: text }] : text, addSpecialTokens: !asChat && !raw };
}

/**
 * Tokens of `--prompt`: the text as it is with `raw`, as a user's message where the model has a chat template, and otherwise
 * with the special tokens that the tokenizer begins a text with.
 *
 * @throws UserError where there are none, or so many that no token could follow
 */
export function promptIds({ tokenizer, source }: OpenedModel, text: string, raw: boolean): number[] {
  const { prompt, addSpecialTokens } = promptedBy({ tokenizer }, text, raw);
  const ids = tokenizer.encode(typeof prompt === 'string' ? prompt : tokenizer.renderChat(prompt), {
    addSpecialTokens,
  });
  if (ids.length === 0) throw new UserError('--prompt is empty: give at least one token to continue.');
  const room = contextLength(source.config);
  if (ids.length < room) return ids;
  throw new UserError(
    `The prompt is ${ids.length} tokens long, and the context holds ${room}, the continuation included. Shorten it.`,
  );
}
