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
