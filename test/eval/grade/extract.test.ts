import { describe, expect, it } from 'vitest';
import { extractBoxed, hasFilledBox } from '../../../src/eval/grade/boxes.ts';
import {
  extractAnswerIs,
  extractAny,
  extractHashes,
  extractLastNumber,
  goldAnswer,
} from '../../../src/eval/grade/extract.ts';
import { grade } from '../../../src/eval/grade/grade.ts';

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

  it('ends on a million opened boxes and a million braces', () => {
    expect(extractBoxed('\\boxed{'.repeat(200_000))).toBeUndefined();
    expect(extractBoxed('{'.repeat(1_000_000))).toBeUndefined();
    expect(extractBoxed(`${'\\boxed{'.repeat(50_000)}1${'}'.repeat(50_000)}`)).toBe('1');
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

  it('ends on a wall of digits, commas or minus signs', () => {
    for (const unit of ['1', '1,', '123,', '-', '$', '1/', '\\frac{', '1.']) extractLastNumber(unit.repeat(300_000));
  });
});

describe('goldAnswer', () => {
  it('takes what stands after the last #### of GSM8K, a number, a box or the text', () => {
    expect(goldAnswer('She sold 3 * 6 = <<3*6=18>>18.\n#### 1,800')).toBe('1,800');
    expect(goldAnswer(145.0)).toBe('145');
    expect(goldAnswer(3.5)).toBe('3.5');
    expect(goldAnswer(' \\frac{1}{2} ')).toBe('\\frac{1}{2}');
    expect(goldAnswer('18.\n#### 7\nthanks')).toBe('7');
    expect(goldAnswer('18.\n####\n7')).toBe('7');
    expect(goldAnswer('#### Solution\nso it is $\\boxed{7}$.')).toBe('7');
    expect(goldAnswer('so it is $\\boxed{16}$.')).toBe('16');
  });
});

describe('extractAnswerIs', () => {
  it.each([
    ['The answer is 18.', '18'],
    ['Therefore, the answer is $\\frac{1}{2}$.', '\\frac{1}{2}'],
    ['Final Answer: The final answer is $x^2 + 1$. I hope it is correct.', 'x^2 + 1'],
    ['Final Answer: The final answer is 7. I hope it is correct.', '7'],
    ['**Answer:** 42', '42'],
    ['The answer is: \\(5\\)', '5'],
    ['The answer is \\[ \\frac{3}{4} \\]', '\\frac{3}{4}'],
    ['so the answers are $2$ and $-3$', '2, -3'],
    ['The answer is $2$ and $-3$.', '2, -3'],
    ['The answer is $\\$2.75$.', '\\$2.75'],
    ['The answer is 5 apples because 2 + 3 = 5.', '5 apples'],
    ['The answer is 3.5', '3.5'],
    ['The answer is 4. No: the answer is 5.', '5'],
    ['The answer is $\\boxed{9}$.', '9'],
    ['The final answer is $5$ million.', '$5$ million'],
    ['The answer is $3$.14', '$3$.14'],
    ['The answer is $5$0.', '$5$0'],
    ['The answer is $5$ or more.', '$5$ or more'],
    ['The answer is $12$%.', '$12$%'],
    ['The answer is $12$\\%.', '$12$\\%'],
    ['The answer is $5$ apples.', '5'],
    ['There is none.', undefined],
    ['The answer is', undefined],
  ])('in %j', (text, answer) => {
    expect(extractAnswerIs(text)).toBe(answer);
  });
});

describe('extractHashes', () => {
  it('takes the first line of hashes: what follows it in few-shot answers is another problem', () => {
    expect(extractHashes('6 * 3 = 18\n#### 18\n\nQuestion: …\n#### 7')).toBe('18');
    expect(extractHashes('#### 1,800.')).toBe('1,800');
    expect(extractHashes('18')).toBeUndefined();
    expect(extractHashes('18 ####')).toBeUndefined();
  });
});

describe('extractAny', () => {
  it.each([
    ['\\frac{1}{2}', '\\frac{1}{2}'],
    ['$x = 5$', '$x = 5$'],
    ['two lines', 'two lines'],
    ['we get 4, so \\boxed{5}; the answer is 6', '5'],
    ['#### 6\nthe answer is 7', '6'],
    ['All in all there are 12 of them, and the answer is $7$ for this one.', '7'],
    ['First comes 12, then all of the others, which gives $x + 1$', 'x + 1'],
    ['First comes $x + 1$, then all of the others, which gives 12', '12'],
    ['This text gives no answer, and no formula or number either', undefined],
    ['', undefined],
    ['\\boxed{}', ''],
  ])('in %j', (text, answer) => {
    expect(extractAny(text)).toBe(answer);
  });
});

describe('grade', () => {
  it('reads on where the answer goes on after its closing dollar', async () => {
    for (const rest of [' million', '.14', '0', ' or more'])
      expect(await grade(`The answer is $5$${rest}.`, '5', 'answer_is')).toMatchObject({ correct: false });
    expect(await grade('The answer is $12$%.', '12', 'answer_is')).toMatchObject({ correct: true });
  });

  it('never falls back from one kind of answer to another', async () => {
    const none = { extracted: undefined, correct: false, why: 'no answer found' };
    expect(await grade('The answer is 18.', '18', 'boxed')).toEqual(none);
    expect(await grade('#### 18', '18', 'answer_is')).toEqual(none);
    expect(await grade('\\boxed{18}', '18', 'hashes')).toEqual(none);
    expect(await grade('\\boxed{18} in 2 steps', '18', 'last_number')).toMatchObject({
      extracted: '2',
      correct: false,
    });
    expect(await grade('\\boxed{17} no, \\boxed{18}', '18', 'boxed')).toMatchObject({ extracted: '18', correct: true });
    expect(await grade('\\boxed{18} and \\boxed{}', '18', 'boxed')).toMatchObject({ extracted: '', correct: false });
  });

  it('says why, and when it is the gold answer that cannot be read', async () => {
    expect(await grade('\\boxed{5}', '5.0', 'boxed')).toEqual({ extracted: '5', correct: true, why: 'equal values' });
    expect(await grade('\\boxed{(1,2)}', '5', 'boxed')).toMatchObject({
      why: 'lists where the gold answer has values',
    });
    expect(await grade('\\boxed{5}', '\\frac{1}{', 'boxed')).toMatchObject({ correct: false, goldUnreadable: true });
  });
});
