import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/gpu/errors.ts';
import { advantages, sampleStd } from '../../src/train/advantage.ts';

const close = (actual: Float64Array, expected: number[]) => {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 12);
};

describe('advantages', () => {
  it('compares each completion with the mean of the others (rloo), worked by hand', () => {
    close(advantages([1, -1, -1, 1, 1, 1], 3, { advantage: 'rloo', scale_rewards: 'none' }), [2, -1, -1, 0, 0, 0]);
  });

  it('makes rloo exactly K/(K-1) times the mean advantage', () => {
    const rewards = [0.3, -1, 2, 0.5, 1, 1, -4, 0];
    const rloo = advantages(rewards, 4, { advantage: 'rloo', scale_rewards: 'none' });
    const mean = advantages(rewards, 4, { advantage: 'mean', scale_rewards: 'none' });
    close(
      rloo,
      [...mean].map((value) => (value * 4) / 3),
    );
  });

  it('sums to zero in every group', () => {
    const out = advantages([0.3, -1, 2, 0.5, 1, 1, -4, 0], 4, { advantage: 'rloo', scale_rewards: 'group' });
    expect(out.slice(0, 4).reduce((a, b) => a + b)).toBeCloseTo(0, 12);
    expect(out.slice(4).reduce((a, b) => a + b)).toBeCloseTo(0, 12);
  });

  it('divides by the sample standard deviation + 1e-4 of the group or of the batch', () => {
    const rewards = [1, -1, 1, 1];
    close(
      advantages(rewards, 2, { advantage: 'mean', scale_rewards: 'group' }),
      [1, -1, 0, 0].map((a) => a / (Math.SQRT2 + 1e-4)),
    );
    close(
      advantages(rewards, 2, { advantage: 'mean', scale_rewards: 'batch' }),
      [1, -1, 0, 0].map((a) => a / (1 + 1e-4)),
    );
  });

  it('gives zero, not NaN, where all rewards agree', () => {
    for (const scale_rewards of ['none', 'group', 'batch'] as const) {
      close(advantages([-1, -1, -1, -1], 2, { advantage: 'rloo', scale_rewards }), [0, 0, 0, 0]);
    }
  });

  it('refuses a single completion and groups that are not whole', () => {
    expect(() => advantages([1], 1, { advantage: 'rloo', scale_rewards: 'none' })).toThrow(UserError);
    expect(() => advantages([1, 1, 1], 2, { advantage: 'rloo', scale_rewards: 'none' })).toThrow(RangeError);
  });

  it('takes no prompts', () => {
    close(advantages([], 4, { advantage: 'rloo', scale_rewards: 'batch' }), []);
  });
});

describe('sampleStd', () => {
  it('has n - 1 below the line', () => {
    expect(sampleStd([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(sampleStd([5])).toBe(0);
    expect(sampleStd([])).toBe(0);
    for (const n of [3, 6, 7, 10, 49]) expect(sampleStd(new Array(n).fill(-1))).toBe(0);
  });
});
