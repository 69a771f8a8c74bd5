import type { LanguageModel } from '../model/language_model.ts';
import type { Prompt } from './completions.ts';
import type { Problem } from './data.ts';
import { type ChatMessage, type PromptSpec, renderPrompt } from './prompts.ts';

/** How a model is asked its problems: text by the prompt's specification, ids by the model's tokenizer. */
export function asker(lm: LanguageModel, spec: PromptSpec): (problem: Problem) => Prompt {
  const { tokenizer } = lm;
  const chat = tokenizer.hasChatTemplate ? (messages: ChatMessage[]) => tokenizer.renderChat(messages) : undefined;
  return (problem) => {
    const text = renderPrompt(spec, problem, chat);
    // A chat template writes its special tokens itself; a plain prompt begins with those that the tokenizer adds.
    return { problem, text, ids: tokenizer.encode(text, { addSpecialTokens: !spec.chat }) };
  };
}
