import { type BootstrapOptions, bootstrapMeans } from './stats.ts';

/** A difference of two means over the same problems with its interval, shares from -1 to 1. */
export interface PairedDifference {
  /** Second minus first. */
  readonly difference: number;
  readonly lo: number;
  readonly hi: number;
  readonly n: number;
}

/**
 * Paired bootstrap: problems are drawn again, each with both of its scores.
 * @param first a score for every problem
 * @param others each of them the same problems in the same order, compared with the first on the same draws
 */
export function pairedDifferences(
  first: readonly (readonly number[])[],
  others: readonly (readonly number[])[],
  options: BootstrapOptions = {},
): PairedDifference[] {
  const differences = others.map((scores, i) => scores.map((score, p) => score - (first[i]?.[p] as number)));
  return bootstrapMeans(differences, options).map(({ mean, lo, hi }, i) => ({
    difference: mean,
    lo,
    hi,
    n: (others[i] as readonly number[]).length,
  }));
}

/** Problems that only one of two runs solved, and how likely so uneven a split is where neither is better. */
export interface McNemar {
  readonly only_first: number;
  readonly only_second: number;
  /** Two-sided, exact. */
  readonly p: number;
}

/** McNemar's test, exact (McNemar 1947; two-sided binomial test of the discordant pairs at 1/2). */
export function mcnemar(first: readonly boolean[], second: readonly boolean[]): McNemar {
  const onlyFirst = first.filter((right, i) => right && second[i] === false).length;
  const onlySecond = second.filter((right, i) => right && first[i] === false).length;
  return { only_first: onlyFirst, only_second: onlySecond, p: mcnemarP(onlyFirst, onlySecond) };
}

/** 2 P(X ≤ min(b, c)) for X ~ Binomial(b + c, 1/2), at most 1. */
export function mcnemarP(b: number, c: number): number {
  const n = b + c;
  // Terms in logarithms: 2^-n is 0 from n = 1075 on.
  let log = -n * Math.LN2;
  let tail = 0;
  for (let i = 0; i <= Math.min(b, c); i += 1) {
    tail += Math.exp(log);
    log += Math.log((n - i) / (i + 1));
  }
  return Math.min(1, 2 * tail);
}
