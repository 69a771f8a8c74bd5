import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { extractLastNumber, goldAnswer, grade, sameAnswer } from '../../src/eval/answers.ts';
import { parseProblems } from '../../src/eval/data.ts';
import { hasShared, sharedPath } from '../setup/files.ts';

describe.skipIf(!hasShared)('the public data sets (skipped where the shared folder is absent)', () => {
  const read = (name: string) => parseProblems(readFileSync(sharedPath(`data/${name}`), 'utf8'), name);

  it.each([
    ['gsm8k/train.jsonl', 7473],
    ['gsm8k/test.jsonl', 1319],
    ['math/train.jsonl', 3681],
    ['math/test-500.jsonl', 500],
    ['mawps/singleop.jsonl', 562],
    ['mawps/test.jsonl', 2065],
    ['svamp/test.jsonl', 1000],
  ])('%s loads with all its problems', (name, count) => {
    expect(read(name)).toHaveLength(count);
  });

  it('grades every worked solution of MATH-500 correct by its last box', () => {
    const lines = readFileSync(sharedPath('data/math/test-500.jsonl'), 'utf8').trim().split('\n');
    const wrong = lines
      .map((line) => JSON.parse(line))
      .filter((row) => !grade(row.solution, row.answer, 'boxed').correct);
    expect(wrong).toEqual([]);
  });

  it('gives every GSM8K solution its own answer as the last number', () => {
    const rows = readFileSync(sharedPath('data/gsm8k/test.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const wrong = rows.filter((row) => !sameAnswer(extractLastNumber(row.answer) ?? '', goldAnswer(row.answer)));
    expect(wrong).toEqual([]);
  });

  it('equates no two of the different numeric answers of GSM8K', () => {
    const answers = [...new Set(read('gsm8k/test.jsonl').map((problem) => problem.answer.replaceAll(',', '')))];
    const numbers = answers.map(Number);
    for (let i = 0; i < 200; i += 1) {
      for (let j = 0; j < 200; j += 1) {
        expect(sameAnswer(answers[i] as string, answers[j] as string)).toBe(numbers[i] === numbers[j]);
      }
    }
  });
});
