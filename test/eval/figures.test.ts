import { expect, it } from 'vitest';
import { duration, interval, signed, signedPoints, significant, visible } from '../../src/eval/figures.ts';

it('times pass from decimals to whole seconds, minutes and hours where they round to them', () => {
  const written = [
    '0.4 s',
    '9.9 s',
    '10 s',
    '12 s',
    '1 min 00 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 00 min',
    '2 h 07 min',
  ];
  expect([0.42, 9.94, 9.97, 12.3, 59.6, 59.7, 185, 3599.9, 7620].map(duration)).toEqual(written);
});

it('accuracies and differences are percents and points with one decimal', () => {
  expect(interval({ accuracy: 0.871, lo: 0.84, hi: 0.897, n: 512 })).toBe('87.1 % (84.0 to 89.7)');
  expect([0.12, -0.005, 0.0004, 0].map(signedPoints)).toEqual(['+12.0', '−0.5', '0.0', '0.0']);
});

it('numbers are signed, or have three digits', () => {
  expect([0.251, -1, 0, -0.001].map(signed)).toEqual(['+0.25', '−1', '0', '0']);
  expect([123456, 0.00012345, 2].map(significant)).toEqual(['123000', '0.000123', '2']);
});

it('white space of tokens is seen', () => {
  expect(visible(' a\n\tb')).toBe('·a↵⇥b');
});
