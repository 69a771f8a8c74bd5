import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../../src/train/rundir.ts';
import { seedInterval, seedsSummary, tQuantile } from '../../src/train/seeds.ts';

describe('Student’s t', () => {
  it.each([
    [1, 12.7062],
    [2, 4.3027],
    [10, 2.2281],
    [30, 2.0423],
    [40, 2.0211],
    [60, 2.0003],
    [120, 1.9799],
    [1e9, 1.96],
  ])('has the published 97.5 %% quantile for %i degrees of freedom', (df, quantile) => {
    expect(Math.abs(tQuantile(df) - quantile)).toBeLessThan(1e-4);
  });
});

describe('seeds', () => {
  it('gives mean and interval, worked by hand', () => {
    const { mean, lo, hi, std, n } = seedInterval([0.6, 0.7, 0.8]);
    const half = (4.3027 * 0.1) / Math.sqrt(3);
    expect([mean, std, n]).toEqual([expect.closeTo(0.7, 12), expect.closeTo(0.1, 12), 3]);
    expect([lo, hi]).toEqual([expect.closeTo(0.7 - half, 12), expect.closeTo(0.7 + half, 12)]);
  });

  it('says nothing about the spread of one', () => {
    expect(seedInterval([0.5])).toMatchObject({ lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY });
  });

  it('takes the gain within each seed, and leaves out what not every seed measured', () => {
    const of = (accuracy: number) => ({ accuracy, lo: 0, hi: 1, n: 8 });
    const run = (seed: number, base: number, steered: number): RunSummary => ({
      base: { greedy: of(base), sampled: of(base) },
      steered: { greedy: of(steered), sampled: of(steered) },
      ...(seed === 0 && { prompted: { greedy: of(0.5), sampled: of(0.5) } }),
      seconds: 10,
      steps: 4,
      adapter: 'none',
      seed,
      reward: 'correct',
      method: 'rl',
    });
    const summary = seedsSummary([run(0, 0.1, 0.5), run(1, 0.3, 0.7)]);
    expect(summary.gain?.greedy).toMatchObject({ mean: expect.closeTo(0.4, 12), std: expect.closeTo(0, 12) });
    expect(summary.prompted).toBeUndefined();
    expect(summary).toMatchObject({ seeds: [0, 1], seconds: 20 });
  });
});
