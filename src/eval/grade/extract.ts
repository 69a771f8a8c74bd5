import { extractBoxed } from './boxes.ts';

/** Where the answer of a completion stands, each a rule of its own: none falls back to another. */
export type AnswerKind = 'boxed' | 'last_number' | 'answer_is' | 'hashes';

export const ANSWER_KINDS: readonly AnswerKind[] = ['boxed', 'last_number', 'answer_is', 'hashes'];

/** An answer stands near the end; older text than this, in characters, is not searched. It bounds the work on hostile text. */
const WINDOW = 1 << 16;
/** The longest text that is taken for a bare answer, in characters. */
const MAX_BARE = 400;

// A sign is one only where no operand stands before it: `10-5` ends in 5, `= -5` in -5.
const LAST_NUMBER =
  /(?:(?<![\w)\]}.])[-−])?[$€£]?(?:(?<![\w)\]}.])[-−])?(?:\\[dt]?frac\{-?\d{1,50}\}\{\d{1,50}\}|(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\/\d+(?![\d/]))?|(?<![\d.])\.\d+)%?/g;

/**
 * The last number of a text as it is written, without currency and thousands separators: `$1,250.` gives `1250`.
 * Takes decimals, signs, percents (`12%`), fractions (`3/4`, `\frac{3}{4}`); undefined when there is no number.
 */
export function extractLastNumber(text: string): string | undefined {
  const last = text.slice(-WINDOW).match(LAST_NUMBER)?.at(-1);
  return last?.replace('−', '-').replace(/[$€£,]/g, '');
}

const PHRASE = /\banswers?(?:\*\*)? {0,2}(?:is|are|:|=)(?:\*\*)? {0,2}:? {0,2}(?:\*\*)?/gi;
const DELIMITERS = [
  ['$$', '$$'],
  ['$', '$'],
  ['\\(', '\\)'],
  ['\\[', '\\]'],
] as const;

/** Formulas between dollar signs (or `\(`, `\[`) at the start of a text, several joined by `and`, `or` and commas. */
function leadingMaths(text: string): { content: string; rest: string } | undefined {
  const found: string[] = [];
  let rest = text;
  for (;;) {
    const pair = DELIMITERS.find(([open]) => rest.startsWith(open));
    if (!pair) break;
    let end = rest.indexOf(pair[1], pair[0].length);
    while (end > 0 && rest[end - 1] === '\\' && pair[1].startsWith('$')) end = rest.indexOf(pair[1], end + 1);
    if (end < 0) break;
    found.push(rest.slice(pair[0].length, end).trim());
    rest = rest.slice(end + pair[1].length);
    const joint = /^\s*(?:,\s*and|,\s*or|and|or|,)\s*(?=\$|\\\(|\\\[)/.exec(rest);
    if (!joint) break;
    rest = rest.slice(joint[0].length);
  }
  return found.length > 0 ? { content: found.join(', '), rest } : undefined;
}

/** After the closing dollar these go on with the answer: `$3$.14`, `$12$%`, `$5$ million`, `$5$ or more`. */
const GOES_ON = /^(?:[.,]?\d|\s*\\?%|\s+(?:million|billion|thousand|hundred|dozen|or\b))/;

/** What follows at the end of a sentence: a dot before a space or the end, a line's end, or a reason. */
const SENTENCE_END = /\.(?=\s|$)|\n|[,;]? (?:because|since|which|as|so|where) |\. ?I hope/;

/**
 * What stands after the last `answer is`, `answer:` or `final answer is`, among it the form of the few-shot prompts for MATH,
 * `Final Answer: The final answer is $X$. I hope it is correct.`: the formula that follows, or the rest of the sentence.
 */
export function extractAnswerIs(text: string): string | undefined {
  const end = text.slice(-WINDOW);
  const phrase = [...end.matchAll(PHRASE)].at(-1);
  if (!phrase) return undefined;
  const rest = end.slice(phrase.index + phrase[0].length).trimStart();
  const inMaths = leadingMaths(rest);
  if (inMaths && !GOES_ON.test(inMaths.rest)) return extractBoxed(inMaths.content) ?? inMaths.content;
  const sentence = (rest.split(SENTENCE_END)[0] as string).replaceAll('**', '').trim();
  return extractBoxed(sentence) ?? (sentence === '' ? undefined : sentence);
}

/** What stands on the line after GSM8K's first `####`, as the harnesses' strict match takes it; later ones are of made-up problems. */
export function extractHashes(text: string): string | undefined {
  const at = text.indexOf('####');
  if (at < 0) return undefined;
  const line = (text.slice(at + 4, at + 4 + WINDOW).split('\n')[0] as string).trim();
  return line === '' ? undefined : line.replace(/\.$/, '');
}

/** The answer that a completion gives, by the one rule of `kind`. */
export function extractAnswer(completion: string, kind: AnswerKind): string | undefined {
  switch (kind) {
    case 'boxed':
      return extractBoxed(completion);
    case 'last_number':
      return extractLastNumber(completion);
    case 'answer_is':
      return extractAnswerIs(completion);
    case 'hashes':
      return extractHashes(completion);
  }
}

function lastMaths(text: string): { content: string; end: number } | undefined {
  const all = [
    ...text.slice(-WINDOW).matchAll(/\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\(([^\n]{1,400}?)\\\)|\\\[([^\\]{1,400})\\\]/g),
  ];
  const last = all.at(-1);
  if (!last) return undefined;
  return { content: (last[1] ?? last[2] ?? last[3] ?? last[4] ?? '').trim(), end: last.index + last[0].length };
}

/** `42`, `\frac{1}{2}`, `(1, 2)`, `$x = 5$`, `Evelyn`: one line without a sentence in it. */
function isBare(text: string): boolean {
  if (text.length > MAX_BARE || text.includes('\n')) return false;
  const words = text.replace(/\\(?:text\w*|mbox)\s*\{[^{}]*\}|\\[a-zA-Z]+/g, ' ').match(/[a-zA-Z]{2,}/g) ?? [];
  return words.length <= 3;
}

/**
 * For text of any kind, as files to grade have it: the last box; else what stands after `####`; else after `answer is`; else
 * the text itself where it is a bare answer; else the last formula or number. Training takes one rule of `AnswerKind` instead.
 */
export function extractAny(text: string): string | undefined {
  const found = extractBoxed(text) ?? extractHashes(text) ?? extractAnswerIs(text);
  if (found !== undefined) return found;
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (isBare(trimmed)) return trimmed;
  const end = trimmed.slice(-WINDOW);
  const maths = lastMaths(end);
  const number = extractLastNumber(maths ? end.slice(maths.end) : end);
  return number ?? maths?.content;
}

/**
 * The gold answer of a data row's answer column: the last box after the last `####` (a heading in Markdown), else the line
 * after it (GSM8K); without one the last box of a worked solution, a JSON number as it prints, or the text itself.
 */
export function goldAnswer(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const hashes = value.lastIndexOf('####');
  if (hashes >= 0) {
    const rest = value.slice(hashes + 4).trim();
    return extractBoxed(rest) ?? (rest.split('\n')[0] as string).trim();
  }
  return (extractBoxed(value) ?? value).trim();
}
