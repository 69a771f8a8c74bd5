import type { CompareOptions, Verdict } from './judge.ts';

/** Answers longer than this, in characters, equal nothing; gold answers of the usual sets have fewer than 200. */
export const MAX_ANSWER = 4000;

/**
 * Milliseconds for one comparison. Its work is bounded by the length of the answers and takes a few milliseconds at most, so
 * that no verdict depends on the speed of the machine: the limit is there for mistakes in this bound.
 */
export const TIME_LIMIT = 10_000;

export const TIMED_OUT: Verdict = { same: false, why: `no verdict within ${TIME_LIMIT / 1000} s` };

/** `judge` with a limit of time that interrupts it. Import it from `#judge`, which package.json resolves. */
export type LimitedJudge = (answer: string, gold: string, options: CompareOptions) => Promise<Verdict>;
