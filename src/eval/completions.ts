import type { Completion, GenerationRequest } from '../model/generate.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Problem } from './data.ts';

/** A problem as the model is asked it. */
export interface Prompt {
  readonly problem: Problem;
  readonly text: string;
  readonly ids: readonly number[];
}

/** A completion ends as soon as one of the texts appears in it. */
export function stopCondition(
  lm: LanguageModel,
  stop: readonly string[],
): ((ids: readonly number[]) => boolean) | undefined {
  if (stop.length === 0) return undefined;
  // A token is at least one byte, so a stop text that has just been completed lies within so many tokens.
  const reach = Math.max(...stop.map((text) => new TextEncoder().encode(text).length)) + 1;
  return (ids) => {
    const tail = lm.tokenizer.decode(ids.slice(-reach), { skipSpecialTokens: true });
    return stop.some((text) => tail.includes(text));
  };
}

/** The text of a completion: without special tokens, up to the first stop string. */
export function completionText(lm: LanguageModel, completion: Completion, stop: readonly string[]): string {
  const text = lm.tokenizer.decode(completion.ids, { skipSpecialTokens: true });
  const ends = stop.map((s) => text.indexOf(s)).filter((i) => i >= 0);
  return ends.length > 0 ? text.slice(0, Math.min(...ends)) : text;
}

/** The same completions for every prompt: `make(prompt index)` gives each its sampling and random key. */
export function requestsFor(
  prompts: readonly Prompt[],
  maxNewTokens: number,
  make: (prompt: number) => GenerationRequest['completions'],
): GenerationRequest[] {
  return prompts.map((prompt, i) => ({ prompt: prompt.ids, maxNewTokens, completions: make(i) }));
}
