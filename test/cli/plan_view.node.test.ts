import { describe, expect, it } from 'vitest';
import { timeTable } from '../../src/cli/plan_view.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { estimate } from '../../src/train/estimate.ts';

describe('the time of a dry run', () => {
  const config = parseTrainConfig({ max_steps: 3, max_completion_length: 64, beta: 0.1 }, 'test');
  const timing = { rows: 32, rows_in_run: 32, seconds: 0.5, spread: 0.25, fixed: 0.1, per_row: 0.0125 };
  const view = (training: Partial<typeof timing>) => {
    const measured = {
      prefill: timing,
      decode: { ...timing, context: 90 },
      training: { ...timing, ...training },
      seconds: 4,
    };
    const of = (length: number) =>
      estimate(config, { promptLength: 50, evalProblems: 5, inFlight: 32 }, measured, length);
    return timeTable(measured, { half: of(32), at_most: of(64) }, { config, adapter: 'a GPU', inFlight: 32 });
  };

  it('says what was measured, where, how far the repetitions lie apart, and what follows', () => {
    const text = view({});
    expect(text).toMatch(/decoding pass of 32 completions, 90 tokens before them +500 ms +\+25\.0 %/);
    expect(text).toContain('training pass over 32 rows, with the reference');
    expect(text).toMatch(/estimate +completions of 32 +of 64 \(the cap\)/);
    expect(text).toContain('all 3 steps and the evaluations');
    expect(text).toContain('Measured in 4.0 s on a GPU');
    expect(text).not.toContain('Scaled up');
  });

  it('says so where a pass was measured smaller than the run has it', () => {
    expect(view({ rows_in_run: 4096 })).toContain('training from 32 to 4096 rows');
  });
});
