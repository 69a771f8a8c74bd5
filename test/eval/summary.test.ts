import { describe, expect, it } from 'vitest';
import { type Arm, compareArms } from '../../src/eval/compare.ts';
import { comparisonPage, curvesSvg, differenceRows, figuresTable } from '../../src/eval/compare_report.ts';
import type { EvaluationRow } from '../../src/eval/evaluate.ts';
import { wilson } from '../../src/eval/stats.ts';
import { summarise } from '../../src/eval/summary.ts';
import { setName, transferMarkdown, transferTable } from '../../src/eval/transfer.ts';
import { philox4x32, toIndex } from '../../src/gpu/philox.ts';
import * as reference from '../reference/pass_at_k.ts';

/** Problems with n samples each: answers 0 to 3 or none, of which 0 is right; the more of them the higher `skill`. */
function rowsOf(problems: number, n: number, skill: number, seed: number): EvaluationRow[] {
  const rows: EvaluationRow[] = [];
  for (let problem = 0; problem < problems; problem += 1) {
    const answers = Array.from({ length: n }, (_, sample) => {
      const [word = 0] = philox4x32([problem, sample, 0, 0], [seed, 98]);
      const drawn = toIndex(word, 10);
      return drawn < skill ? '0' : drawn === 9 ? null : String(1 + (drawn % 3));
    });
    for (const [sample, extracted] of answers.entries()) {
      rows.push({
        problem,
        mode: 'sampled',
        sample,
        question: `Q${problem}`,
        answer: '0',
        completion: '',
        extracted,
        correct: extracted === '0',
        vote: extracted === null ? null : answers.indexOf(extracted),
        finish_reason: sample === 0 ? 'length' : 'stop',
        tokens: sample,
      });
    }
  }
  return rows;
}

describe('summarise', () => {
  it('equals the reference in every pass@k and maj@k to 1e-12', () => {
    const [problems, n] = [40, 24];
    const rows = rowsOf(problems, n, 3, 1);
    const ks = [1, 2, 3, 4, 8, 16, 24];
    const measured = summarise(rows, 'sampled', ks);
    for (const k of ks) {
      let [pass, maj] = [0, 0];
      for (let problem = 0; problem < problems; problem += 1) {
        const samples = rows.filter((row) => row.problem === problem);
        const right = samples.filter(({ correct }) => correct).length;
        pass += reference.toNumber(reference.passAtK(n, right, k)) / problems;
        maj +=
          Number(
            reference.majAtK(
              samples.map(({ extracted, correct }) => ({ answer: extracted, correct })),
              k,
            ),
          ) / problems;
      }
      expect(Math.abs((measured['pass@k']?.[k]?.accuracy ?? 9) - pass)).toBeLessThan(1e-12);
      expect(Math.abs((measured['maj@k']?.[k]?.accuracy ?? 9) - maj)).toBeLessThan(1e-12);
    }
    expect(measured['pass@k']?.['1']?.accuracy).toBeCloseTo(measured.accuracy, 12);
    expect(measured['maj@k']?.['1']?.accuracy).toBeCloseTo(
      rows.filter((row) => row.sample === 0 && row.correct).length / 40,
      12,
    );
    expect(measured).toMatchObject({
      n: problems,
      samples: n,
      interval: 'bootstrap',
      mean_length: (n - 1) / 2,
      truncated: 1 / n,
    });
    expect(measured.no_answer).toBe(rows.filter((row) => row.extracted === null).length / rows.length);
  });

  it('takes Wilson’s interval for one sample a problem', () => {
    const rows = rowsOf(30, 1, 4, 2);
    const right = rows.filter((row) => row.correct).length;
    expect(summarise(rows, 'sampled')).toMatchObject({ ...wilson(right, 30), interval: 'wilson', samples: 1 });
  });

  it('does not call a score certain because all problems have it', () => {
    const rows = rowsOf(20, 4, 0, 3);
    const measured = summarise(rows, 'sampled');
    expect(measured.accuracy).toBe(0);
    expect(measured.hi).toBeCloseTo(wilson(0, 20).hi, 12);
  });
});

describe('compareArms', () => {
  const arms = (): [Arm, Arm] => [
    { name: 'base', rows: rowsOf(60, 8, 2, 4) },
    { name: 'steered', rows: rowsOf(60, 8, 5, 5) },
  ];

  it('finds a difference that is there, and none between a run and itself', () => {
    const [base, steered] = arms();
    const { sampled } = compareArms(base, steered, [1, 2, 4, 8]);
    expect(sampled?.lo).toBeGreaterThan(0);
    expect(sampled?.['maj@k']?.['8']?.mcnemar?.p).toBeLessThan(0.01);
    expect(sampled?.mcnemar).toBeUndefined();
    const same = compareArms(base, { ...base, name: 'again' }, [1, 2]).sampled;
    expect(same).toMatchObject({ difference: 0, lo: 0, hi: 0, n: 60 });
  });

  it('takes the problems that both answered, and the k that both can give', () => {
    const [base, steered] = arms();
    const part = { name: 'part', rows: steered.rows.filter((row) => row.problem < 20 && row.sample < 4) };
    const comparison = compareArms(base, part, [1, 2, 4, 8]);
    expect(comparison.n).toBe(20);
    expect(Object.keys(comparison.sampled?.['pass@k'] ?? {})).toEqual(['1', '2', '4']);
  });

  it('refuses other problems, and runs that share none', () => {
    const [base, steered] = arms();
    const other = { name: 'other', rows: steered.rows.map((row) => ({ ...row, question: `X${row.problem}` })) };
    expect(() => compareArms(base, other, [1])).toThrow(
      'base and other answered different problems: number 0 is "Q0" in one',
    );
    expect(() => compareArms(base, { name: 'empty', rows: [] }, [1])).toThrow('there is nothing to compare');
  });

  it('has one table for terminal and page, with the other rules, answers not found and those cut off', () => {
    const rows = arms()[0].rows.map((row) => ({ ...row, also: { boxed: { extracted: null, correct: false } } }));
    const { head, rows: lines } = figuresTable([{ name: 'base', sampled: summarise(rows, 'sampled') }]);
    expect(head.slice(2)).toEqual(['accuracy', 'boxed', 'problems', 'samples', 'tokens', 'no answer', 'cut off']);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, 2)).toEqual(['base', 'sampled']);
    expect(lines[0]?.[3]).toMatch(/^0\.0 % \(0\.0 to /);
    expect(lines[0]?.[4]).toBe('60');
  });

  it('draws both curves into one picture, with names escaped', () => {
    const [base, steered] = arms();
    const report = {
      title: '<b>',
      arms: [base, { ...steered, name: '<i>' }].map(({ name, rows }) => ({
        name,
        sampled: summarise(rows, 'sampled'),
      })),
      comparisons: [compareArms(base, { ...steered, name: '<i>' }, [1, 2])],
    };
    const svg = curvesSvg(report);
    expect(svg.match(/class="many"/g)).toHaveLength(2);
    expect(svg.match(/class="band"/g)).toHaveLength(2);
    const page = comparisonPage(report);
    expect(page.replace('<b>trimtab</b>', '')).not.toMatch(/<i>|<b>|NaN|undefined/);
    expect(differenceRows(report.comparisons[0] as never).map(([metric]) => metric)).toEqual([
      'sampled',
      'pass@2',
      'maj@2',
    ]);
  });
});

describe('transferTable', () => {
  const entry = (model: string, trained_on: string | null, tested_on: string, accuracy: number) => ({
    ...{ model, trained_on, tested_on, accuracy },
    lo: accuracy - 0.02,
    hi: accuracy + 0.02,
    n: 500,
  });

  it('has the paper’s layout: base first, a training set’s own test set before the others, a column a model', () => {
    const table = transferTable([
      entry('M1', 'gsm8k', 'math', 0.4869),
      entry('M1', 'gsm8k', 'gsm8k', 0.7384),
      entry('M2', 'gsm8k', 'gsm8k', 0.7989),
      entry('M1', null, 'gsm8k', 0.0063),
      entry('M1', 'math', 'math', 0.5139),
    ]);
    expect(transferMarkdown(table).split('\n')).toEqual([
      '| train → test | M1 | M2 |',
      '| --- | --- | --- |',
      '| base → gsm8k | 0.63 (-1.37 to 2.63) | – |',
      '| gsm8k → gsm8k | 73.84 (71.84 to 75.84) | 79.89 (77.89 to 81.89) |',
      '| gsm8k → math | 48.69 (46.69 to 50.69) | – |',
      '| math → math | 51.39 (49.39 to 53.39) | – |',
    ]);
  });

  it.each([
    ['data/gsm8k/train.jsonl', 'gsm8k'],
    ['math/test-500.jsonl', 'math'],
    ['mawps/singleop.jsonl', 'singleop'],
    ['hf:openai/gsm8k/main/train', 'gsm8k'],
    ['models/demo/problems-test.jsonl', 'demo'],
    ['test.csv', 'test'],
  ])('calls %s %s', (path, name) => {
    expect(setName(path)).toBe(name);
  });
});
