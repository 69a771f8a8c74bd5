import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseProblems } from '../../src/eval/data.ts';
import { extractLastNumber, goldAnswer } from '../../src/eval/grade/extract.ts';
import { grade, sameAnswer } from '../../src/eval/grade/grade.ts';
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

  const rows = (name: string) =>
    readFileSync(sharedPath(`data/${name}`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('grades every worked solution of MATH-500 correct by its last box', async () => {
    for (const { solution, answer } of rows('math/test-500.jsonl'))
      expect(await grade(solution, answer, 'boxed')).toMatchObject({ correct: true });
  });

  it('reads all but a few gold answers of MATH, each equal to itself by what it says and not by its spelling', async () => {
    const answers = [...rows('math/train.jsonl'), ...rows('math/test-500.jsonl')].map((row) => row.answer as string);
    const wrong: string[] = [];
    for (const answer of answers) {
      if (!(await sameAnswer(answer, answer, { textShortcut: false })).same) wrong.push(answer);
    }
    expect(wrong.length, wrong.join('\n')).toBeLessThanOrEqual(0.005 * answers.length);
  });

  it('gives every GSM8K solution its own answer as the last number', async () => {
    for (const { answer } of rows('gsm8k/test.jsonl'))
      expect(await sameAnswer(extractLastNumber(answer) ?? '', goldAnswer(answer))).toMatchObject({ same: true });
  });

  it('equates no two of the different numeric answers of GSM8K', async () => {
    const answers = [...new Set(read('gsm8k/test.jsonl').map((problem) => problem.answer.replaceAll(',', '')))];
    const numbers = answers.map(Number);
    for (let i = 0; i < 200; i += 1) {
      for (let j = 0; j < 200; j += 1) {
        const { same } = await sameAnswer(answers[i] as string, answers[j] as string);
        expect(same).toBe(numbers[i] === numbers[j]);
      }
    }
  });
});
