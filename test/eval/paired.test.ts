import { describe, expect, it } from 'vitest';
import { mcnemar, mcnemarP, pairedDifferences } from '../../src/eval/paired.ts';
import { bootstrapMeans } from '../../src/eval/stats.ts';
import * as reference from '../reference/pass_at_k.ts';

describe('mcnemar', () => {
  // Fay 2010, "Two-sided exact tests and matching confidence intervals for discrete data": 2 against 9 gives p = 0.06543.
  // scipy.stats.binomtest(6, 6 + 16).pvalue and (10, 10 + 12).pvalue for the others.
  it.each([
    [2, 9, 0.0654296875],
    [6, 16, 0.05247879028320312],
    [10, 12, 0.8318119049072266],
    [0, 5, 0.0625],
    [0, 0, 1],
    [4, 4, 1],
  ])('of %i against %i discordant problems has the published p', (b, c, p) => {
    expect(mcnemarP(b, c)).toBeCloseTo(p, 12);
    expect(mcnemarP(c, b)).toBe(mcnemarP(b, c));
  });

  it('equals exact rationals, also where 2^-n has left the doubles', () => {
    for (const [b, c] of [
      [1, 30],
      [120, 160],
      [640, 700],
      [900, 1100],
    ] as const) {
      const exact = reference.mcnemarP(b, c);
      expect(Math.abs(mcnemarP(b, c) - exact)).toBeLessThan(1e-11 * exact);
    }
  });

  it('counts the problems that only one run solved', () => {
    const first = [true, true, true, false, false];
    const second = [true, false, false, true, false];
    expect(mcnemar(first, second)).toEqual({ only_first: 2, only_second: 1, p: 1 });
  });
});

describe('pairedDifferences', () => {
  const n = 400;
  const base = Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 1 : 0));

  it('has no width where every problem changes by the same amount', () => {
    const [paired] = pairedDifferences([base], [base.map((score) => score - 0.25)]);
    expect(paired).toMatchObject({ difference: -0.25, lo: -0.25, hi: -0.25, n });
  });

  it('has the width of the differences, and not of the scores: 1.96 sd / sqrt(n)', () => {
    // One problem in eight changes from wrong to right.
    const better = base.map((score, i) => (i % 8 === 1 ? 1 : score));
    const [paired] = pairedDifferences([base], [better], { resamples: 4000 });
    const half = 1.96 * Math.sqrt((0.125 * 0.875) / n);
    expect(paired?.difference).toBeCloseTo(0.125, 12);
    expect(paired?.lo).toBeCloseTo(0.125 - half, 2);
    expect(paired?.hi).toBeCloseTo(0.125 + half, 2);
  });
});

describe('bootstrapMeans', () => {
  it('reaches the normal interval of a mean of 0/1 scores and the exact one of a binomial', () => {
    // The bootstrap distribution of n x mean is Binomial(n, mean): its quantiles are known exactly.
    const scores = Array.from({ length: 40 }, (_, i) => (i < 10 ? 1 : 0));
    const [interval] = bootstrapMeans([scores], { resamples: 20_000 });
    expect(interval?.mean).toBe(0.25);
    expect(interval?.lo).toBeCloseTo(binomialQuantile(40, 0.25, 0.025) / 40, 10);
    expect(interval?.hi).toBeCloseTo(binomialQuantile(40, 0.25, 0.975) / 40, 10);
  });

  it('draws the same problems for every column', () => {
    const scores = [0, 1, 0.5, 0.25, 1, 1, 0];
    const [one, two] = bootstrapMeans([scores, scores.map((score) => 2 * score)]);
    expect(two?.lo).toBeCloseTo(2 * (one?.lo as number), 12);
    expect(two?.hi).toBeCloseTo(2 * (one?.hi as number), 12);
  });

  it('knows nothing without problems', () => {
    expect(bootstrapMeans([[]])).toEqual([{ mean: 0, lo: 0, hi: 1 }]);
  });
});

/** Smallest x with P(X ≤ x) ≥ q. */
function binomialQuantile(n: number, p: number, q: number): number {
  let below = 0;
  for (let x = 0; x <= n; x += 1) {
    below += Number(reference.binomial(n, x)) * p ** x * (1 - p) ** (n - x);
    if (below >= q) return x;
  }
  return n;
}
