import { describe, expect, it } from 'vitest';
import { parseTrainConfig } from '../../src/train/config.ts';
import { learningRate, warmupSteps, withSteps } from '../../src/train/schedule.ts';

const options = {
  learning_rate: 2,
  lr_scheduler_type: 'constant_with_warmup',
  warmup_ratio: 0.03,
  max_steps: 100,
} as const;

describe('learningRate', () => {
  it('rises over ceil(0.03 * steps) steps to its peak and stays there', () => {
    expect(warmupSteps(options)).toBe(3);
    expect([0, 1, 2, 3, 99].map((t) => learningRate(t, options))).toEqual([2 / 3, 4 / 3, 2, 2, 2]);
  });

  it('rounds the warm-up up and never starts at zero', () => {
    expect(warmupSteps({ ...options, max_steps: 40 })).toBe(2);
    expect(warmupSteps({ ...options, max_steps: 1 })).toBe(1);
    expect(learningRate(0, { ...options, max_steps: 1 })).toBe(2);
  });

  it('keeps the W of the start when a resumed run is longer', () => {
    expect(learningRate(1, { ...options, max_steps: 1000 }, 2)).toBe(2);
    expect(learningRate(1, { ...options, max_steps: 1000 })).toBeCloseTo(2 * (2 / 30), 12);
  });

  it('has no warm-up when constant', () => {
    expect(learningRate(0, { ...options, lr_scheduler_type: 'constant' })).toBe(2);
  });

  it('falls to zero after the last step, along a line or half a cosine', () => {
    const linear = { ...options, lr_scheduler_type: 'linear', warmup_ratio: 0 } as const;
    expect([0, 50, 100, 200].map((t) => learningRate(t, linear))).toEqual([2, 1, 0, 0]);
    const cosine = { ...linear, lr_scheduler_type: 'cosine' } as const;
    expect(learningRate(50, cosine)).toBeCloseTo(1, 12);
    expect(learningRate(25, cosine)).toBeCloseTo(1 + Math.SQRT1_2, 12);
    expect(learningRate(99, cosine)).toBeGreaterThan(0);
  });
});

describe('withSteps', () => {
  const steps = (source: string, problems: number) =>
    withSteps(parseTrainConfig(source, 'run.yaml'), problems).max_steps;

  it('counts the steps that see every problem so many times, rounded up', () => {
    expect(steps('num_train_epochs: 3\nnum_prompts: 128', 7473)).toBe(176);
    expect(steps('num_train_epochs: 0.5\nnum_prompts: 8', 2000)).toBe(125);
    expect(steps('num_train_epochs: 1\nnum_prompts: 8', 3)).toBe(1);
  });

  it('lets max_steps win, and keeps its default where neither is given', () => {
    expect(steps('num_train_epochs: 3\nmax_steps: 7', 7473)).toBe(7);
    expect(steps('', 7473)).toBe(40);
  });

  it('changes nothing the second time', () => {
    const once = withSteps(parseTrainConfig('num_train_epochs: 2', 'run.yaml'), 100);
    expect(withSteps(parseTrainConfig(once, 'config.json'), 999)).toEqual(once);
  });
});
