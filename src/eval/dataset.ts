import { shuffled } from '../gpu/philox.ts';
import type { Problem } from './data.ts';

/**
 * A question without what does not change it: case, white space, quotation marks, the punctuation that ends a word, the form of
 * its characters. Signs stay: 2 - 4 and 2/4 are two questions.
 */
export function normalisedQuestion(question: string): string {
  return question
    .normalize('NFKC')
    .toLowerCase()
    .replace(/["'‘’“”`]/g, '')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/\s*[.,;:!?]+(?=\s|$)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

interface Deduplicated {
  /** The first of each question, in their order. */
  readonly problems: Problem[];
  /** Those that repeat an earlier question. */
  readonly duplicates: Problem[];
  /** How many of the duplicates give another answer than the first one did. */
  readonly conflicting: number;
}

/** Takes out questions that were asked before, by their normalised text. */
export function deduplicate(problems: readonly Problem[]): Deduplicated {
  const first = new Map<string, Problem>();
  const duplicates: Problem[] = [];
  let conflicting = 0;
  for (const problem of problems) {
    const key = normalisedQuestion(problem.question);
    const known = first.get(key);
    if (!known) {
      first.set(key, problem);
      continue;
    }
    duplicates.push(problem);
    if (known.answer !== problem.answer) conflicting += 1;
  }
  return { problems: [...first.values()], duplicates, conflicting };
}

/** A problem of the training set that is in the test set too. */
export interface Overlap {
  readonly train: Problem;
  readonly test: Problem;
}

/** Training problems whose question, normalised, is one of the test problems'. */
export function overlapOf(train: readonly Problem[], test: readonly Problem[]): Overlap[] {
  const tested = new Map(test.map((problem) => [normalisedQuestion(problem.question), problem]));
  return train.flatMap((problem) => {
    const same = tested.get(normalisedQuestion(problem.question));
    return same ? [{ train: problem, test: same }] : [];
  });
}

/** Epochs of training count from 0: a split and an order of their own are keyed from the far end. */
const SPLIT_EPOCH = 0xffffffff;
const ORDER_EPOCH = 0xfffffffe;

/**
 * Holds a part of the problems out, drawn by the seed.
 * @param size below 1 a share of the problems (rounded, at least one), from 1 on their number
 * @returns both parts in the order of the problems; undefined where a part would be empty
 */
export function split(
  problems: readonly Problem[],
  size: number,
  seed: number,
): { rest: Problem[]; heldOut: Problem[] } | undefined {
  const count = size < 1 ? Math.max(1, Math.round(size * problems.length)) : size;
  if (count >= problems.length) return undefined;
  const drawn = new Set(shuffled(problems.length, seed, SPLIT_EPOCH).slice(0, count));
  return {
    rest: problems.filter((_, i) => !drawn.has(i)),
    heldOut: problems.filter((_, i) => drawn.has(i)),
  };
}

/** The problems in an order that the seed draws. */
export function inSeededOrder(problems: readonly Problem[], seed: number): Problem[] {
  return Array.from(shuffled(problems.length, seed, ORDER_EPOCH), (place) => problems[place] as Problem);
}
