import { Unreadable } from './syntax.ts';
import { isMeasure, SIGNS } from './units.ts';

export interface Token {
  /** `num` digits, `sym` a variable, `text` words, `cmd` a command or function by name, `op` a sign or bracket. */
  readonly t: 'num' | 'sym' | 'text' | 'cmd' | 'op';
  readonly v: string;
  /** A space stands before it. */
  readonly spaced: boolean;
}

const MAX_DIGITS = 2000;

const TEXT_COMMANDS = new Set(
  'text textbf textit textrm textnormal textsf texttt mathrm mathbf mathit mathsf mathtt mbox operatorname emph bold boldsymbol'.split(
    ' ',
  ),
);
export const FUNCTIONS = new Set(
  'sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp sqrt gcd lcm max min'.split(' '),
);
/** Words that are commands without a backslash. */
const WORDS: Readonly<Record<string, string>> = {
  pi: 'pi',
  infinity: 'infty',
  inf: 'infty',
  oo: 'infty',
  percent: '%',
  percentage: '%',
  union: 'cup',
  or: 'or',
  and: 'and',
};
const OPERATORS: Readonly<Record<string, string>> = {
  le: '<=',
  leq: '<=',
  leqslant: '<=',
  ge: '>=',
  geq: '>=',
  geqslant: '>=',
  lt: '<',
  gt: '>',
  ne: '!=',
  neq: '!=',
  in: 'in',
  approx: '~',
  sim: '~',
  equiv: '=',
  cdot: '*',
  times: '*',
  div: '/',
  ast: '*',
  colon: ':',
  lbrace: '\\{',
  rbrace: '\\}',
  lbrack: '[',
  rbrack: ']',
  lvert: '|',
  rvert: '|',
  vert: '|',
  mid: '|',
  langle: '(',
  rangle: ')',
  cup: 'cup',
  bigcup: 'cup',
};

/** The end of the brace group that opens at `at`, on its closing brace. */
function closing(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === '{') depth += 1;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  throw new Unreadable('a brace is never closed');
}

/** Cuts a cleaned answer into tokens. @throws Unreadable */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let brackets = 0;
  let spaced = false;
  const push = (t: Token['t'], v: string) => {
    tokens.push({ t, v, spaced });
    spaced = false;
  };

  const number = () => {
    // Inside of brackets a comma separates: (20,100) is a point.
    const pattern =
      brackets > 0
        ? /(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3}(?![\d.a-zA-Z]))?/y
        : /(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?: \d{3})+(?!\d| ?\/)|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3}(?![\d.a-zA-Z]))?)/y;
    pattern.lastIndex = at;
    const found = (pattern.exec(text) as RegExpExecArray)[0];
    if (found.length > MAX_DIGITS) throw new Unreadable(`a number has more than ${MAX_DIGITS} digits`);
    at += found.length;
    push('num', found.replace(/[, ]/g, ''));
  };

  const words = (content: string) => {
    const inner = content.trim();
    const connective = /^[,;]?\s*(and|or)\s*:?$/i.exec(inner);
    if (connective) push('op', ',');
    else if (/^(?:percent|percentage|pct|%|\\%)$/i.test(inner)) push('op', '%');
    else if (/[a-zA-Z]/.test(inner) && !/^-?[\d.]/.test(inner)) push('text', inner);
    else if (inner !== '') {
      for (const token of tokenize(inner)) push(token.t, token.v);
    } else spaced = true;
  };

  const command = () => {
    const name = (/\\([a-zA-Z]+|.)/y.exec(text.slice(at, at + 40))?.[1] ?? '') as string;
    if (name === '') throw new Unreadable('a backslash stands at the end');
    at += 1 + name.length;
    if (name === '{' || name === '}') {
      brackets += name === '{' ? 1 : -1;
      push('op', `\\${name}`);
    } else if (name === '%') push('op', '%');
    else if (name === '\\') push('op', '\\\\');
    else if (name === '|') push('op', '|');
    else if (name === '#' || name === '&' || name === '_') throw new Unreadable(`\\${name} has no meaning here`);
    else if (name === 'boxed' || name === 'fbox') spaced = true;
    else if (TEXT_COMMANDS.has(name)) {
      while (text[at] === ' ') at += 1;
      if (text[at] !== '{') return;
      const end = closing(text, at);
      const content = text.slice(at + 1, end);
      at = end + 1;
      if (FUNCTIONS.has(content.trim()) && name !== 'text' && name !== 'mbox') push('cmd', content.trim());
      else if (name.startsWith('math') && /^[a-zA-Z]$/.test(content)) push('sym', content);
      else words(content);
    } else if (name === 'begin' || name === 'end') {
      const match = /\{(\w+)\*?\}(?:\{[lcr| ]*\})?/y.exec(text.slice(at, at + 60));
      if (!match) throw new Unreadable(`\\${name} without its environment`);
      at += match[0].length;
      push('cmd', `${name} ${match[1]}`);
    } else if (Object.hasOwn(OPERATORS, name)) push('op', OPERATORS[name] as string);
    else push('cmd', name);
  };

  const letters = () => {
    const run = (/[a-zA-Z]+/y.exec(text.slice(at, at + 200)) as RegExpExecArray)[0];
    const lower = run.toLowerCase();
    const before = tokens.at(-1);
    const afterValue = before !== undefined && (before.t === 'num' || before.t === 'text' || ')}]'.includes(before.v));
    const next = /^\s*\S/.exec(text.slice(at + run.length, at + run.length + 10))?.[0].trim() ?? '';
    at += run.length;
    if (Object.hasOwn(WORDS, lower)) {
      const word = WORDS[lower] as string;
      if (word === 'and' || word === 'or') push('op', ',');
      else if (word === '%' || word === 'cup') push('op', word);
      else push('cmd', word);
    } else if (before?.v === '/' && tokens.at(-2)?.t === 'text') push('text', run);
    else if (afterValue && isMeasure(run) && next !== '(') push('text', run);
    else if (FUNCTIONS.has(run)) push('cmd', run);
    else if (
      run.length >= 3 &&
      (tokens.length === 0 || spaced || before?.t === 'text') &&
      !/[-+*/^_({=<>]/.test(next)
    ) {
      if (before?.t === 'op' && '+-*/^='.includes(before.v) && before.v !== '=')
        for (const char of run) push('sym', char);
      else push('text', run);
    } else if (run.length >= 3 && before?.t === 'text') push('text', run);
    else for (const char of run) push('sym', char);
  };

  while (at < text.length) {
    const char = text[at] as string;
    if (char === ' ') {
      spaced = true;
      at += 1;
    } else if (/\d/.test(char) || (char === '.' && /\d/.test(text[at + 1] ?? ''))) number();
    else if (char === '\\') command();
    else if (/[a-zA-Z]/.test(char)) letters();
    else if (Object.hasOwn(SIGNS, char)) {
      push('text', SIGNS[char] as string);
      at += 1;
    } else if (/[<>!]=|~=|\*\*/.test(text.slice(at, at + 2))) {
      push('op', text[at] === '~' ? '~' : text[at] === '*' ? '^' : text.slice(at, at + 2));
      at += 2;
    } else if (/[-+*/^_=<>!,;:()[\]{}|%&']/.test(char)) {
      if ('(['.includes(char)) brackets += 1;
      if (')]'.includes(char)) brackets -= 1;
      push('op', char);
      at += 1;
    } else if (/\p{L}/u.test(char)) {
      const run = (/\p{L}+/uy.exec(text.slice(at, at + 200)) as RegExpExecArray)[0];
      at += run.length;
      push('text', run);
    } else if (char === '.' || char === '"' || char === '`') {
      // A dot ends an abbreviation (`sq. units`); quotes carry nothing.
      at += 1;
      spaced = true;
    } else throw new Unreadable(`${JSON.stringify(char)} has no meaning here`);
  }
  return tokens;
}
