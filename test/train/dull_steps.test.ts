import { describe, expect, it } from 'vitest';
import { dullWarning } from '../../src/train/dull_steps.ts';
import type { StepRow } from '../../src/train/metrics.ts';

/** Rows of steps with these shares of dull problems; nothing else of a row is looked at. */
const steps = (...shares: number[]) =>
  shares.map((frac_reward_zero_std) => ({ reward: 0, frac_reward_zero_std }) as StepRow);

describe('dullWarning', () => {
  it('counts the steps in which nearly every problem taught nothing, and says what helps', () => {
    const warning = dullWarning(steps(1, 0.75, 0.875, 0.5));
    expect(warning).toMatch(/^In 3 of 4 steps .* little was learned/);
    expect(warning).toMatch(/easier problems.*num_generations.*temperature.*docs\/training\.md/);
    expect(dullWarning(steps(1))).toMatch(/^In 1 of 1 step all/);
  });

  it('is silent where half of the steps taught something, and where there are no rewards', () => {
    expect(dullWarning(steps(1, 1, 0.6, 0))).toBeUndefined();
    expect(dullWarning([])).toBeUndefined();
    expect(dullWarning([{ loss: 1 } as StepRow, { loss: 1 } as StepRow])).toBeUndefined();
  });
});
