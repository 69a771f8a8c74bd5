import { extractBoxed } from './boxes.ts';
import { parseRational, type Rational, sameRational } from './rational.ts';

export { extractBoxed, hasFilledBox } from './boxes.ts';

/** Where the answer of a completion stands: in its last box, or the last number of its text. There is no fallback between them. */
export type AnswerKind = 'boxed' | 'last_number';

/** Answers longer than this equal nothing; gold answers of the usual sets have fewer than 200 characters. */
const MAX_ANSWER = 2000;
/** A completion's last number stands in its last characters; older text is not searched. */
const LAST_NUMBER_WINDOW = 1 << 16;
const MAX_NESTING = 8;

// A sign is one only where no operand stands before it: `10-5` ends in 5, `= -5` in -5.
const LAST_NUMBER =
  /(?:(?<![\w)\]}.])[-−])?[$€£]?(?:(?<![\w)\]}.])[-−])?(?:\\[dt]?frac\{-?\d{1,50}\}\{\d{1,50}\}|(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\/\d+(?![\d/]))?|(?<![\d.])\.\d+)%?/g;

/**
 * The last number of a text as it is written, without currency and thousands separators: `$1,250.` gives `1250`.
 * Takes decimals, signs, percents (`12%`), fractions (`3/4`, `\frac{3}{4}`); undefined when there is no number.
 */
export function extractLastNumber(text: string): string | undefined {
  const last = text.slice(-LAST_NUMBER_WINDOW).match(LAST_NUMBER)?.at(-1);
  return last?.replace('−', '-').replace(/[$€£,]/g, '');
}

/** The answer that a completion gives, by the one rule of `kind`. */
export function extractAnswer(completion: string, kind: AnswerKind): string | undefined {
  return kind === 'boxed' ? extractBoxed(completion) : extractLastNumber(completion);
}

/**
 * The gold answer of a data row's answer column: what stands after GSM8K's last `####`, the last box of a worked
 * solution, a JSON number as it prints, or the text itself.
 */
export function goldAnswer(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const hashes = value.lastIndexOf('####');
  if (hashes >= 0) return value.slice(hashes + 4).trim();
  return (extractBoxed(value) ?? value).trim();
}

/** Stands for a currency sign once the dollar signs of maths mode are gone. */
const DOLLAR = ' ¤ ';
const WRAPPERS = /\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}/g;

/** Spelling that carries no meaning: dollar signs of maths mode, spacing commands, \left, \dfrac, degree signs, a final dot. */
function normalise(answer: string): string {
  return answer
    .replaceAll('−', '-')
    .replaceAll(',\\!', ',')
    .replaceAll('\\$', DOLLAR)
    .replace(/\$([^$]*)\$/g, '$1')
    .replaceAll('$', DOLLAR)
    .replace(/\\(?:left|right|displaystyle)(?![a-zA-Z])/g, '')
    .replace(/\\[dt]frac(?![a-zA-Z])/g, '\\frac')
    .replace(/\\frac\s*(\d)\s*(\d)/g, '\\frac{$1}{$2}')
    .replace(/\\frac\s*\{([^{}]*)\}\s*(\d)/g, '\\frac{$1}{$2}')
    .replace(/\\sqrt\s*(\d)/g, '\\sqrt{$1}')
    .replace(WRAPPERS, ' $1 ')
    .replace(/([a-zA-Z]{2}) ?\^ ?\{?([23])\}?/g, (_, unit, power) => `${unit} ${power === '2' ? 'squared' : 'cubed'}`)
    .replace(/\^\s*(?:\\circ|\{\s*\\circ\s*\})|°/g, ' degrees ')
    .replace(/\\?%/g, ' percent ')
    .replace(/\\[!,;: ]|~/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/([^.])\.$/, '$1')
    .trim();
}

/** Words after a number that change its value or add an alternative: with one of them it is not the number alone. */
const NOT_UNITS = new Set(
  `and or nor to versus vs not plus minus times over mod base more less fewer than at least most about between negative
  factorial sqrt root pi infinity even odd remainder dozen dozens hundred hundreds thousand thousands million
  millions billion billions trillion score gross pair pairs couple half halves third thirds fourth fourths quarter quarters
  tenth tenths is are was if unless but maybe except`
    .split(/\s+/)
    .filter(Boolean),
);
const FRACTION_WORD = /(?:fif|six|seven|eigh|nin|ten|eleven|twelf|teen|tie|hundred|thousand|million)ths?$/;
const UNIT = /^[a-z]{2,20}$/;

function isUnit(word: string, place: number): boolean {
  if (word === 'squared' || word === 'cubed') return place > 0; // `5 cm squared`, but `5 squared` is 25
  return UNIT.test(word) && !NOT_UNITS.has(word) && !FRACTION_WORD.test(word);
}

interface Quantity {
  value: Rational;
  /** '' without a unit; plural and singular are one. */
  unit: string;
}

/** `$5`, `5 dollars`, `50%`, `90^\circ`, `12 red apples`: the number and its unit; undefined where the rest may be more than a unit. */
function parseQuantity(normalised: string): Quantity | undefined {
  const dollars = normalised.includes('¤');
  const text = normalised.replace(/ ?¤ ?/g, ' ').trim();
  const bare = parseRational(text.replace(/^([+-])\s+/, '$1'));
  if (bare) return { value: bare, unit: dollars ? 'dollar' : '' };
  const cut = text.search(/ [a-zA-Z]/);
  const value = cut > 0 ? parseRational(text.slice(0, cut)) : undefined;
  if (!value) return undefined;
  const words = text.slice(cut + 1).split(' ');
  if (words.length > 4 || !words.every((word, i) => isUnit(word.toLowerCase(), i))) return undefined;
  return { value, unit: words.map((word) => word.toLowerCase().replace(/s$/, '')).join(' ') };
}

/** Splits at the commas of the outermost level; one enclosing pair of brackets is kept as the kind of list. */
function parseList(text: string): { brackets: string; items: string[] } | undefined {
  const pair = /^([([])(.*)([)\]])$/.exec(text);
  const inner = pair?.[2] ?? text;
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < inner.length; at += 1) {
    if ('([{'.includes(inner[at] as string)) depth += 1;
    if (')]}'.includes(inner[at] as string)) depth -= 1;
    if (depth < 0) return undefined;
    if (inner[at] !== ',' || depth > 0) continue;
    items.push(inner.slice(start, at));
    start = at + 1;
  }
  items.push(inner.slice(start));
  return items.length > 1 ? { brackets: pair ? `${pair[1]}${pair[3]}` : '', items } : undefined;
}

function sameNormalised(a: string, b: string, depth: number): boolean {
  const [left, right] = [parseQuantity(a), parseQuantity(b)];
  if (left && right) {
    return sameRational(left.value, right.value) && (left.unit === '' || right.unit === '' || left.unit === right.unit);
  }
  if (left || right) return false;
  const [plainA, plainB] = [a, b].map((text) => text.replaceAll('¤', '').replace(/\s+/g, '')) as [string, string];
  if (plainA === plainB) return plainA !== '';
  if (/^[a-zA-Z]{2,}$/.test(plainA) && plainA.toLowerCase() === plainB.toLowerCase()) return true;
  const [listA, listB] = [parseList(a), parseList(b)];
  if (!listA || !listB || depth >= MAX_NESTING) return false;
  return (
    listA.brackets === listB.brackets &&
    listA.items.length === listB.items.length &&
    listA.items.every((item, i) => sameNormalised(item.trim(), (listB.items[i] as string).trim(), depth + 1))
  );
}

const LEFT_HAND_SIDE = /^[a-zA-Z] ?= ?(?=[^=])/;

/**
 * Whether an answer says the same as the gold answer. Numbers are compared exactly as fractions (`0.5`, `1/2`, `\frac12`,
 * `1,000`, `$5`, `50\%`; a unit is ignored unless both have one and they differ), lists item by item, everything else as
 * text without spaces and LaTeX spelling. What may be two answers (`1 or 2`) equals no number. No symbolic algebra.
 */
export function sameAnswer(answer: string, gold: string): boolean {
  if (answer.length > MAX_ANSWER || gold.length > MAX_ANSWER) return false;
  let [a, b] = [normalise(answer), normalise(gold)];
  // `x = 5` for 5, but never `x = 5` for `y = 5`.
  if (LEFT_HAND_SIDE.test(a) !== LEFT_HAND_SIDE.test(b)) {
    a = a.replace(LEFT_HAND_SIDE, '');
    b = b.replace(LEFT_HAND_SIDE, '');
  }
  return sameNormalised(a, b, 0);
}

/** The verdict on one completion. `extracted` is undefined where the completion gives none. */
export interface Grade {
  extracted: string | undefined;
  correct: boolean;
}

/** Extracts the completion's answer by `kind` and compares it with the gold answer. */
export function grade(completion: string, gold: string, kind: AnswerKind): Grade {
  const extracted = extractAnswer(completion, kind);
  return { extracted, correct: extracted !== undefined && sameAnswer(extracted, gold) };
}
