import { ruleWarning } from '../eval/answer_rules.ts';
import type { AnswerRule } from '../eval/judge.ts';
import type { PromptSpec } from '../eval/prompts.ts';
import type { Context } from './command.ts';

/** `--show-prompt`: standard output carries the text and nothing else, standard error what belongs to it. */
export function showPrompt(
  context: Context,
  text: string,
  ids: readonly number[],
  about: { readonly stop: readonly string[]; readonly answer: string },
): void {
  context.print(text);
  context.note(`\n${ids.length} tokens: ${ids.join(' ')}`);
  context.note(
    `stop texts: ${about.stop.map((stop) => JSON.stringify(stop)).join(', ') || 'none'}; answer: ${about.answer}`,
  );
  context.printJson({ prompt: text, tokens: ids.length, ids, ...about });
}

/** Warns where worked examples of the prompt hold no answer by the rule: a model that follows them would never be right. */
export function warnOfRule(context: Context, spec: PromptSpec, rule: AnswerRule): void {
  const warning = ruleWarning(spec, rule);
  if (warning !== undefined) context.warn(warning);
}
