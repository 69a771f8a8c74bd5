import { describe, expect, it } from 'vitest';
import { accuracy, bootstrap, mean, quantileOf, wilson } from '../../src/eval/stats.ts';

describe('wilson', () => {
  // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('gives the published interval of %i in %i', (successes, n, lo, hi) => {
    const interval = wilson(successes, n);
    expect(interval.lo).toBeCloseTo(lo, 4);
    expect(interval.hi).toBeCloseTo(hi, 4);
  });

  it('is symmetric, and exact at its ends', () => {
    expect(wilson(20, 20).hi).toBe(1);
    expect(wilson(0, 20).lo).toBe(0);
    expect(wilson(29, 30).lo).toBeCloseTo(1 - wilson(1, 30).hi, 12);
    expect(wilson(0, 0)).toEqual({ lo: 0, hi: 1 });
  });

  it('has a half-width of 2.5 points at n = 1319 and p = 0.7', () => {
    const { lo, hi } = wilson(0.7 * 1319, 1319);
    expect((hi - lo) / 2).toBeCloseTo(0.025, 3);
  });
});

describe('accuracy', () => {
  it('counts verdicts', () => {
    expect(accuracy([true, false, false, true])).toMatchObject({ accuracy: 0.5, n: 4 });
    expect(accuracy([])).toEqual({ accuracy: 0, lo: 0, hi: 1, n: 0 });
  });
});

describe('quantileOf', () => {
  it('interpolates as numpy does', () => {
    expect(quantileOf([1, 2, 3, 4], 0.25)).toBeCloseTo(1.75, 12);
    expect(quantileOf([5], 0.9)).toBe(5);
    expect(mean([1, 2, 6])).toBe(3);
  });
});

describe('bootstrap', () => {
  const problems = Array.from({ length: 200 }, (_, i) => [i % 2]);

  it('agrees with the normal interval for one sample a problem', () => {
    const { mean: centre, lo, hi } = bootstrap(problems);
    expect(centre).toBe(0.5);
    expect(lo).toBeCloseTo(0.5 - 0.0693, 1);
    expect((hi - lo) / 2).toBeGreaterThan(0.06);
    expect((hi - lo) / 2).toBeLessThan(0.08);
  });

  it('does not shrink when every problem is sampled again with the same result', () => {
    const repeated = problems.map(([value = 0]) => Array.from({ length: 16 }, () => value));
    expect(bootstrap(repeated)).toEqual(bootstrap(problems));
  });

  it('depends on its seed alone', () => {
    expect(bootstrap(problems, { seed: 1 })).toEqual(bootstrap(problems, { seed: 1 }));
    const odd = problems.map(([value = 0], i) => [value + i / 1000]);
    expect(bootstrap(odd, { seed: 1 })).not.toEqual(bootstrap(odd, { seed: 2 }));
  });
});
