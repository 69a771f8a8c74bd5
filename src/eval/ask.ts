import { UserError } from '../gpu/errors.ts';
import type { ChatMessage } from '../model/chat.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Prompt } from './completions.ts';
import type { Problem } from './data.ts';
import { type PromptSpec, renderPrompt } from './prompts.ts';

/** How a model is asked its problems: text by the prompt's specification, ids by the model's tokenizer. */
export function asker(lm: Pick<LanguageModel, 'tokenizer'>, spec: PromptSpec): (problem: Problem) => Prompt {
  const { tokenizer } = lm;
  const chat = tokenizer.hasChatTemplate ? (messages: ChatMessage[]) => tokenizer.renderChat(messages) : undefined;
  return (problem) => {
    const text = renderPrompt(spec, problem, chat);
    // A chat template writes its special tokens itself; a plain prompt begins with those that the tokenizer adds.
    return { problem, text, ids: tokenizer.encode(text, { addSpecialTokens: !spec.chat }) };
  };
}

/**
 * Tokens of the longest prompt.
 * @throws UserError naming the place of the first problem whose prompt leaves no room in the context of `context` tokens
 */
export function longestPrompt(prompts: readonly Prompt[], context: number): number {
  let longest = 0;
  for (const { problem, ids } of prompts) {
    if (ids.length >= context) {
      throw new UserError(
        `${problem.source}: the prompt of this problem is ${ids.length} tokens long, and the context holds ${context}, the answer ` +
          'included. Shorten or leave out the problem, or take fewer worked examples.',
      );
    }
    longest = Math.max(longest, ids.length);
  }
  return longest;
}
