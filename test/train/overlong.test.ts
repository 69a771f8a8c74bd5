import { expect, it } from 'vitest';
import { overlongPenalty } from '../../src/train/overlong.ts';

it('falls linearly over the last tokens before the cap, as equation 13 of the DAPO paper, and is off at 0', () => {
  const limits = { max_completion_length: 100, soft_punish_cache: 20 };
  const penalties = [1, 80, 81, 90, 100, 120].map((length) => overlongPenalty(length, limits));
  expect(penalties).toEqual([0, 0, -0.05, -0.5, -1, -1]);
  expect(overlongPenalty(100, { max_completion_length: 100, soft_punish_cache: 0 })).toBe(0);
});
