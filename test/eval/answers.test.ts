import { describe, expect, it } from 'vitest';
import {
  extractBoxed,
  extractLastNumber,
  goldAnswer,
  grade,
  hasFilledBox,
  sameAnswer,
} from '../../src/eval/answers.ts';

describe('extractBoxed', () => {
  it.each([
    ['so \\boxed{42}.', '42'],
    ['\\boxed{1} then \\boxed{2}', '2'],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['\\boxed{ 7 }', '7'],
    ['a set { and \\boxed{3}', '3'],
    ['\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
    ['first \\boxed{5}, then cut off \\boxed{6', '5'],
    ['nested \\boxed{x = \\boxed{9}}', '9'],
    ['a\\\\\\boxed{8}', '8'],
    ['written twice over \\\\boxed{8}', '8'],
    ['\\boxed{4} but the last is empty \\boxed{}', ''],
  ])('takes the last balanced box of %j', (text, answer) => {
    expect(extractBoxed(text)).toBe(answer);
  });

  it.each(['42', 'The answer is 42', '\\boxed 5', '\\fbox{5}', '\\boxed{5', '\\Boxed{5}', 'boxed{5}', ''])(
    'finds no box in %j',
    (text) => {
      expect(extractBoxed(text)).toBeUndefined();
    },
  );

  it('reads a million opened boxes and a million braces in linear time', () => {
    const start = performance.now();
    expect(extractBoxed('\\boxed{'.repeat(200_000))).toBeUndefined();
    expect(extractBoxed('{'.repeat(1_000_000))).toBeUndefined();
    expect(extractBoxed(`${'\\boxed{'.repeat(50_000)}1${'}'.repeat(50_000)}`)).toBe('1');
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('counts a box with something in it for the format control and no empty one', () => {
    expect(hasFilledBox('\\boxed{wrong}')).toBe(true);
    expect(hasFilledBox('\\boxed{} \\boxed{ }')).toBe(false);
    expect(hasFilledBox('\\boxed{1} \\boxed{}')).toBe(true);
  });
});

describe('extractLastNumber', () => {
  it.each([
    ['He has 3 and then 5 apples.', '5'],
    ['It costs $1,234.50.', '1234.50'],
    ['The answer is 18.', '18'],
    ['= -5', '-5'],
    ['= −5', '-5'],
    ['-$20', '-20'],
    ['$-20', '-20'],
    ['10-5', '5'],
    ['pages 3-4', '4'],
    ['about 50%', '50%'],
    ['a share of 3/4', '3/4'],
    ['\\frac{3}{4} of it', '\\frac{3}{4}'],
    ['.5 litres', '.5'],
    ['1,2,3', '3'],
    ['1,000,000 people', '1000000'],
    ['version 1.2.3', '3'],
    ['7 days (a week)', '7'],
    ['x2', '2'],
  ])('in %j', (text, number) => {
    expect(extractLastNumber(text)).toBe(number);
  });

  it('finds none in words', () => {
    expect(extractLastNumber('seven')).toBeUndefined();
    expect(extractLastNumber('')).toBeUndefined();
    expect(extractLastNumber('- , . $ %')).toBeUndefined();
  });

  it('stays fast on a wall of digits, commas or minus signs', () => {
    const start = performance.now();
    for (const unit of ['1', '1,', '123,', '-', '$', '1/', '\\frac{', '1.']) extractLastNumber(unit.repeat(300_000));
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('goldAnswer', () => {
  it('takes what stands after the last #### of GSM8K, a number, a box or the text', () => {
    expect(goldAnswer('She sold 3 * 6 = <<3*6=18>>18.\n#### 1,800')).toBe('1,800');
    expect(goldAnswer(145.0)).toBe('145');
    expect(goldAnswer(3.5)).toBe('3.5');
    expect(goldAnswer(' \\frac{1}{2} ')).toBe('\\frac{1}{2}');
    expect(goldAnswer('so it is $\\boxed{16}$.')).toBe('16');
  });
});

describe('sameAnswer', () => {
  it.each([
    ['42', '42'],
    ['42.0', '42'],
    ['042', '42'],
    ['42.', '42'],
    ['+42', '42'],
    ['1,000', '1000'],
    ['10,\\!080', '10080'],
    ['0.5', '\\frac{1}{2}'],
    ['1/2', '\\frac12'],
    ['\\dfrac{2}{4}', '1/2'],
    ['-\\frac{1}{2}', '\\frac{-1}{2}'],
    ['2\\frac{1}{2}', '2.5'],
    ['2 1/2', '5/2'],
    ['.5', '0.50'],
    ['1e3', '1000'],
    ['3\\times10^{2}', '300'],
    ['$18', '18'],
    ['\\$18', '18'],
    ['$18$', '18'],
    ['18 dollars', '18'],
    ['18 dollars', '\\$18'],
    ['18\\text{ red apples}', '18'],
    ['50\\%', '50'],
    ['90^\\circ', '90'],
    ['90 degrees', '90^{\\circ}'],
    ['12\\text{ cm}^2', '12'],
    ['x = 5', '5'],
    ['5', 'x=5'],
    ['−3', '-3'],
    ['0', '-0'],
    ['\\text{Evelyn}', 'evelyn'],
    ['\\left( 3, \\frac{\\pi}{2} \\right)', '(3,\\frac{\\pi}{2})'],
    ['(1/2, 3)', '(0.5,3)'],
    ['11\\sqrt{2}', '11\\sqrt2'],
    ['p - q', 'p-q'],
    ['(-\\infty,2]', '(-\\infty, 2]'],
  ])('%j is %j', (answer, gold) => {
    expect(sameAnswer(answer, gold)).toBe(true);
    expect(sameAnswer(gold, answer)).toBe(true);
  });

  it.each([
    ['', '1'],
    ['', ''],
    ['1 or 2', '1'],
    ['1 or 2', '2'],
    ['1, 2', '1'],
    ['1, 234', '1234'],
    ['12', '1'],
    ['1', '12'],
    ['0.333', '1/3'],
    ['3.3333', '3.33333'],
    ['5 squared', '5'],
    ['5 hundred', '5'],
    ['3 tenths', '3'],
    ['2 dozen', '2'],
    ['5 or more', '5'],
    ['not 5', '5'],
    ['5 is wrong', '5'],
    ['5x', '5'],
    ['5\\sqrt{2}', '5'],
    ['5!', '5'],
    ['52_8', '52'],
    ['5 cm', '5 m long'],
    ['50\\%', '\\$50'],
    ['0.5', '50\\%'],
    ['x = 5', 'y = 5'],
    ['x = 5 = 6', '5'],
    ['1/0', '0'],
    ['-1', '1'],
    ['(1,2)', '[1,2]'],
    ['(2,1)', '(1,2)'],
    ['(1,2,3)', '(1,2)'],
    ['A', 'a'],
    ['NaN', '0'],
    ['Infinity', '1e999'],
    ['2\\frac{-1}{2}', '1.5'],
  ])('%j is not %j', (answer, gold) => {
    expect(sameAnswer(answer, gold)).toBe(false);
    expect(sameAnswer(gold, answer)).toBe(false);
  });

  it('compares without rounding: a number that a double cannot hold still differs in its last digit', () => {
    expect(sameAnswer('9007199254740993', '9007199254740992')).toBe(false);
    expect(sameAnswer('0.1', '0.10000000000000001')).toBe(false);
  });

  it('is not slowed down by hostile answers', () => {
    const start = performance.now();
    for (const unit of ['9', '(', '1,', '\\frac{', '$', 'a ', '\\text{', ' ', '1e', '-']) {
      sameAnswer(unit.repeat(1000), '1');
      sameAnswer(unit.repeat(1000), `${unit.repeat(999)}1`);
      sameAnswer(unit.repeat(100_000), unit.repeat(100_000));
    }
    expect(sameAnswer('1e999999999', '1e999999999')).toBe(true); // as text, never expanded
    expect(sameAnswer('1e9999', '1')).toBe(false);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('grade', () => {
  it('never falls back from one kind of answer to the other', () => {
    expect(grade('The answer is 18.', '18', 'boxed')).toEqual({ extracted: undefined, correct: false });
    expect(grade('\\boxed{18} in 2 steps', '18', 'last_number')).toEqual({ extracted: '2', correct: false });
    expect(grade('\\boxed{17} no, \\boxed{18}', '18', 'boxed')).toEqual({ extracted: '18', correct: true });
    expect(grade('\\boxed{18} and \\boxed{}', '18', 'boxed')).toEqual({ extracted: '', correct: false });
  });
});
