/** A prompt as a model was asked it, and whether `generate` needs `--raw` to ask it so. */
export interface Asked {
  readonly text: string;
  readonly raw: boolean;
}

/** Longer prompts (worked examples) would fill the screen: TEXT stands for them. */
const MAX_SHOWN = 400;

/** A word of a command line for a POSIX shell with `$'…'`; left as it is where it needs no quotes. */
function shellWord(word: string): string {
  if (/^[\w./:@=-]+$/.test(word)) return word;
  const escaped = word.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t').replace(/\r/g, '\\r');
  return `$'${escaped}'`;
}

/** The command that shows a run's vectors at work, for the end of the run that made them. @param where the run folder */
export function tryThem(model: string, where: string, { text, raw }: Asked): string {
  const prompt = text.length > MAX_SHOWN ? 'TEXT' : shellWord(text);
  const words = ['--model', shellWord(model), ...(raw ? ['--raw'] : []), '--prompt', prompt];
  return `Try them: npx trimtab generate ${words.join(' ')} --steering ${shellWord(`${where}/steering.safetensors`)}`;
}
