import { sameSpelling } from './clean.ts';
import { sameValue } from './compare.ts';
import { parseAnswer } from './parser.ts';
import { Unreadable, type Value } from './syntax.ts';

/** Whether an answer says the same as the gold answer, and why (or why not) in a few words. */
export interface Verdict {
  readonly same: boolean;
  readonly why: string;
  /** The gold answer has no reading: it was compared as text, and is worth a look. */
  readonly goldUnreadable?: boolean;
}

export interface CompareOptions {
  /** Whether answers of the same spelling are the same without being read; true. Tests of the reader switch it off. */
  readonly textShortcut?: boolean;
}

const NOUNS: Readonly<Record<Value['k'], string>> = {
  scalar: 'values',
  list: 'lists',
  union: 'unions',
  relation: 'relations',
  ratio: 'ratios',
  clock: 'times',
  matrix: 'matrices',
  text: 'words',
};

function read(answer: string): Value | string {
  try {
    return parseAnswer(answer);
  } catch (error) {
    if (error instanceof Unreadable) return error.message;
    if (error instanceof RangeError) return 'it is nested too deep';
    throw error;
  }
}

/** Why a gold answer cannot be read; undefined where it can. */
export function unreadable(answer: string): string | undefined {
  const value = read(answer);
  return typeof value === 'string' ? value : undefined;
}

/** Compares by reading both. Its work is bounded by the length of the answers; `sameAnswer` adds a limit of time. */
export function judge(answer: string, gold: string, { textShortcut = true }: CompareOptions = {}): Verdict {
  const goldValue = read(gold);
  if (typeof goldValue === 'string') {
    const same = textShortcut && sameSpelling(answer, gold);
    return { same, why: `compared as text, for the gold answer cannot be read: ${goldValue}`, goldUnreadable: true };
  }
  const value = read(answer);
  if (typeof value === 'string') return { same: false, why: `the answer cannot be read: ${value}` };
  try {
    if (sameValue(goldValue, value)) return { same: true, why: `equal ${NOUNS[goldValue.k]}` };
  } catch (error) {
    if (error instanceof RangeError) return { same: false, why: 'too large to compare' };
    throw error;
  }
  const kinds =
    goldValue.k === value.k
      ? `different ${NOUNS[value.k]}`
      : `${NOUNS[value.k]} where the gold answer has ${NOUNS[goldValue.k]}`;
  return { same: false, why: kinds };
}
