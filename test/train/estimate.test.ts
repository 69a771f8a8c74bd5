import { describe, expect, it } from 'vitest';
import { type Calibration, lineThrough } from '../../src/train/calibrate.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { estimate, stepTokens } from '../../src/train/estimate.ts';

const pass = (rows: number, rows_in_run: number, fixed: number, per_row: number) => ({
  rows,
  rows_in_run,
  seconds: fixed + per_row * rows,
  spread: 0,
  fixed,
  per_row,
});

describe('the estimate of a run', () => {
  const fields = { max_steps: 10, num_prompts: 4, num_generations: 8, max_completion_length: 30 };
  const config = parseTrainConfig(fields, 'test');
  const measured: Calibration = {
    prefill: pass(100, 200, 1, 0.01),
    decode: { ...pass(8, 16, 0.5, 0.1), context: 60 },
    training: pass(64, 500, 2, 0.02),
    seconds: 9,
  };

  it('counts the tokens of a step: each prompt once, a completion without its last token in training', () => {
    expect(stepTokens(config, 50, 20)).toEqual({ completion_length: 20, prompt: 200, generated: 640, trained: 808 });
  });

  it('adds up passes by hand', () => {
    const { rollout, training, step, evaluation, run } = estimate(
      config,
      { promptLength: 50, evalProblems: 0, inFlight: 16 },
      measured,
      20,
    );
    // One prefill of 200 rows. 32 completions through 16 places, 20 tokens each: 20 full passes, then 30 until the longest is done.
    expect(rollout).toBeCloseTo(1 + 2 + 50 * 0.5 + 32 * 20 * 0.1, 9);
    // 808 rows in micro-batches of 500.
    expect(training).toBeCloseTo((808 / 500) * 2 + 808 * 0.02, 9);
    expect(step).toBeCloseTo(rollout + training, 9);
    expect(evaluation).toBe(0);
    expect(run).toBeCloseTo(10 * step, 9);
  });

  it('measures every held-out problem twice before and twice after', () => {
    const work = { promptLength: 50, inFlight: 16 };
    const none = estimate(config, { ...work, evalProblems: 0 }, measured, 20);
    const some = estimate(config, { ...work, evalProblems: 8 }, measured, 20);
    // 400 prompt rows are two passes; 16 answers at once, until the longest is done.
    expect(some.evaluation).toBeCloseTo(2 * (2 * 3 + 30 * 0.5 + 16 * 20 * 0.1), 9);
    expect(some.run - none.run).toBeCloseTo(some.evaluation, 9);
  });
});

describe('the line through two sizes', () => {
  it('goes through both, and never falls nor starts below zero', () => {
    const line = lineThrough({ rows: 10, seconds: 3 }, { rows: 30, seconds: 5 });
    expect(line.per_row).toBeCloseTo(0.1, 12);
    expect(line.fixed).toBeCloseTo(2, 12);
    const noisy = lineThrough({ rows: 10, seconds: 6 }, { rows: 30, seconds: 3 });
    expect(noisy.per_row).toBeCloseTo(0.01, 12);
    expect(noisy.fixed + 30 * noisy.per_row).toBeCloseTo(3, 12);
    expect(lineThrough({ rows: 10, seconds: 0.1 }, { rows: 30, seconds: 3 }).fixed).toBeCloseTo(0, 12);
    expect(lineThrough(undefined, { rows: 4, seconds: 2 })).toEqual({ fixed: 2, per_row: 0 });
  });
});
