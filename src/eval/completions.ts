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
  lm: Pick<LanguageModel, 'tokenizer'>,
  stop: readonly string[],
): ((ids: readonly number[]) => boolean) | undefined {
  if (stop.length === 0) return undefined;
  // A token that is not special is at least one byte: a stop text that has just been completed lies within so many of them.
  const reach = Math.max(...stop.map((text) => new TextEncoder().encode(text).length)) + 1;
  const silent = new Map<number, boolean>();
  const isSilent = (id: number): boolean => {
    const known = silent.get(id) ?? lm.tokenizer.decode([id], { skipSpecialTokens: true }) === '';
    silent.set(id, known);
    return known;
  };
  return (ids) => {
    let from = ids.length;
    for (let heard = 0; from > 0 && heard < reach; from--) if (!isSilent(ids[from - 1] as number)) heard++;
    const tail = lm.tokenizer.decode(ids.slice(from), { skipSpecialTokens: true });
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
