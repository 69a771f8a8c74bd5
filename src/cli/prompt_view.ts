import { type AnswerRule, judge } from '../eval/judge.ts';
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

/** Warns where the prompt's own worked examples hold no answer by the rule: a model that follows them would never be right. */
export async function noteExamples(context: Context, { examples }: PromptSpec, rule: AnswerRule): Promise<void> {
  if (examples.length === 0) return;
  for (const { completion } of examples) if ((await judge(completion, '', rule)).extracted !== null) return;
  context.note(
    `warning: the answer is sought by ${rule}, and no worked example of the prompt has one: a model that writes as they do is ` +
      'never right. Name another rule with --answer.',
  );
}
