/** Stands for a currency sign once the dollar signs of maths mode are gone. */
export const CURRENCY = '¤';

const CHARACTERS: Readonly<Record<string, string>> = {
  '−': '-',
  '–': '-',
  '×': '\\times ',
  '·': '\\cdot ',
  '⋅': '\\cdot ',
  '÷': '\\div ',
  '∗': '*',
  π: '\\pi ',
  θ: '\\theta ',
  '√': '\\sqrt ',
  '∞': '\\infty ',
  '≤': '\\le ',
  '≥': '\\ge ',
  '≠': '\\ne ',
  '≈': '\\approx ',
  '±': '\\pm ',
  '∪': '\\cup ',
  '∈': '\\in ',
  ℝ: '\\mathbb{R}',
  '°': '^\\circ ',
  '²': '^2',
  '³': '^3',
  '½': '\\frac{1}{2}',
  '⅓': '\\frac{1}{3}',
  '⅔': '\\frac{2}{3}',
  '¼': '\\frac{1}{4}',
  '¾': '\\frac{3}{4}',
  '‘': "'",
  '’': "'",
  '\u00a0': ' ',
  '\u202f': ' ',
  '\u2009': ' ',
};
const SPECIAL = new RegExp(`[${Object.keys(CHARACTERS).join('')}]`, 'gu');

/** An opening delimiter and its end, which wrap an answer without changing it. */
const WRAPPERS = [
  ['$$', '$$'],
  ['$', '$'],
  ['\\(', '\\)'],
  ['\\[', '\\]'],
  ['**', '**'],
] as const;

function unwrap(text: string): string {
  let inner = text.trim();
  for (let changed = true; changed; ) {
    changed = false;
    for (const [open, close] of WRAPPERS) {
      if (inner.length < open.length + close.length || !inner.startsWith(open) || !inner.endsWith(close)) continue;
      // `\$` at the end is a currency sign; `$1$ and $2$` has more than one pair.
      if (inner.endsWith(`\\${close}`) || inner.slice(open.length, -close.length).includes(open)) continue;
      inner = inner.slice(open.length, -close.length).trim();
      changed = true;
    }
    const box = /^\\(?:boxed|fbox)\s*\{([^{}]*)\}$/.exec(inner);
    if (box) {
      inner = (box[1] as string).trim();
      changed = true;
    }
    const dotless = inner.replace(/(?<=[^.\\])\.$/, '').trim();
    if (dotless !== inner) {
      inner = dotless;
      changed = true;
    }
  }
  return inner;
}

/**
 * Removes spelling that carries no meaning: dollar signs of maths mode, \left and \right, spacing commands, styles, the
 * commas of large numbers where LaTeX marks them (`10,\!080`, `1{,}000`), \dfrac, a final dot. Linear in the length.
 */
export function clean(answer: string): string {
  return unwrap(
    unwrap(answer.replace(SPECIAL, (char) => CHARACTERS[char] as string))
      .replaceAll('\\$', CURRENCY)
      .replace(/(?<!\\)\$([^$]*)\$/g, ' $1 ')
      .replaceAll('$', CURRENCY),
  )
    .replace(/,\s*\\!\s*|\s*\{\s*,\s*\}\s*/g, (comma, at: number, all: string) =>
      /\d/.test(all[at - 1] ?? '') && /^\d{3}(?!\d)/.test(all.slice(at + comma.length, at + comma.length + 4))
        ? ''
        : ',',
    )
    .replace(/\\m?(?:left|right)(?![a-zA-Z])\.?/g, '')
    .replace(/\\[bB]ig{1,2}[lrm]?(?![a-zA-Z])/g, '')
    .replace(/\\(?:displaystyle|textstyle|limits|nolimits|rm|bf|it)(?![a-zA-Z])/g, '')
    .replace(/\\phantom\s*(?:\{[^{}]*\}|.)/g, '')
    .replace(/\\[dtc]frac(?![a-zA-Z])/g, '\\frac')
    .replace(/\\(?:quad|qquad|hspace\{[^{}]*\})(?![a-zA-Z])|(?<!\\)\\[,;:> ]|~(?!=)/g, ' ')
    .replaceAll('\\!', '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Whether two answers are the same but for spelling that carries no meaning; an empty one is like no other. */
export function sameSpelling(a: string, b: string): boolean {
  // `81, 256` is no `81,256`, and `1 2` no `12`.
  const [left, right] = [a, b].map((text) => clean(text).replace(/(?<![\d,]) | (?!\d)/g, ''));
  return left !== '' && left === right;
}
