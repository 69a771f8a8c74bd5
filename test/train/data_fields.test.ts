import { describe, expect, it } from 'vitest';
import { parseTrainConfig } from '../../src/train/config.ts';

describe('the fields of a run’s problems', () => {
  it('take one file or a list of them', () => {
    expect(parseTrainConfig('data: a.jsonl', 'f').data).toBe('a.jsonl');
    expect(parseTrainConfig('data: [a.jsonl, b.csv]\neval_data: [c.parquet]', 'f')).toMatchObject({
      data: 'a.jsonl,b.csv',
      eval_data: 'c.parquet',
    });
  });

  it('leave repeats out and warn of overlaps unless they say otherwise', () => {
    expect(parseTrainConfig('{}', 'f')).toMatchObject({ dedupe: true, overlap: 'warn' });
  });

  it.each([
    ['eval_split: 0', 'f:1: eval_split is 0; expected a share below 1, or a whole number of problems.'],
    ['eval_split: 1.5', 'eval_split is 1.5; expected a share below 1'],
    ['data: []', 'data is []; expected a path, or a list of paths.'],
    ['overlap: keep', 'overlap is "keep"; expected one of warn, drop, refuse.'],
  ])('refuse %s', (text, message) => {
    expect(() => parseTrainConfig(text, 'f')).toThrow(message);
  });
});
