import { limitedJudge } from '#judge';
import { sameSpelling } from './clean.ts';
import { type AnswerKind, extractAnswer, extractAny } from './extract.ts';
import type { CompareOptions, Verdict } from './judge.ts';
import { MAX_ANSWER } from './limit.ts';

/** A plain number as most answers are: no sign but a minus, no separators. */
const INTEGER = /^-?(?:0|[1-9]\d{0,14})$/;

/**
 * Whether an answer says the same as the gold answer, by what both say and not by how they are spelt (docs/grading.md has the
 * rules). Equal spellings and plain numbers are settled at once, everything else under a limit of time. Never throws for
 * an answer, however strange.
 */
export async function sameAnswer(answer: string, gold: string, options: CompareOptions = {}): Promise<Verdict> {
  const long = [answer, gold].find((text) => text.length > MAX_ANSWER);
  if (long !== undefined) {
    const whose = long === answer ? 'the answer' : 'the gold answer';
    return {
      same: false,
      why: `${whose} has more than ${MAX_ANSWER} characters`,
      ...(long !== answer && { goldUnreadable: true }),
    };
  }
  const [left, right] = [answer.trim(), gold.trim()];
  if (INTEGER.test(left) && INTEGER.test(right)) {
    const same = left === right || (left === '-0' && right === '0') || (left === '0' && right === '-0');
    return { same, why: same ? 'equal values' : 'different values' };
  }
  if ((options.textShortcut ?? true) && sameSpelling(left, right)) return { same: true, why: 'same text' };
  return limitedJudge(left, right, options);
}

/** The verdict on one completion. `extracted` is undefined where the completion gives no answer. */
export interface Grade {
  readonly extracted: string | undefined;
  readonly correct: boolean;
  readonly why: string;
  readonly goldUnreadable?: boolean;
}

/**
 * Extracts the completion's answer and compares it with the gold answer.
 * @param kind the one rule of extraction, or `any` for the first that finds something (for files; training names its rule)
 */
export async function grade(completion: string, gold: string, kind: AnswerKind | 'any'): Promise<Grade> {
  const extracted = kind === 'any' ? extractAny(completion) : extractAnswer(completion, kind);
  if (extracted === undefined) return { extracted, correct: false, why: 'no answer found' };
  if (extracted.trim() === '') return { extracted, correct: false, why: 'the answer is empty' };
  const { same, why, goldUnreadable } = await sameAnswer(extracted, gold);
  return { extracted, correct: same, why, ...(goldUnreadable && { goldUnreadable }) };
}

/**
 * Sorts answers into classes that say the same, for majority votes: the class of each, numbered from 0 in the order of their
 * first members; -1 for no answer. An answer belongs to the first class whose first member it equals.
 */
export async function answerClasses(answers: readonly (string | undefined)[]): Promise<number[]> {
  const firsts: string[] = [];
  const known = new Map<string, number>();
  const classes: number[] = [];
  for (const answer of answers) {
    if (answer === undefined || answer.trim() === '') {
      classes.push(-1);
      continue;
    }
    let found = known.get(answer) ?? -1;
    for (let i = 0; found < 0 && i < firsts.length; i += 1) {
      if ((await sameAnswer(answer, firsts[i] as string)).same) found = i;
    }
    if (found < 0) found = firsts.push(answer) - 1;
    known.set(answer, found);
    classes.push(found);
  }
  return classes;
}
