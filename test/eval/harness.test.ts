import { describe, expect, it } from 'vitest';
import { bareText, closingAnswer, flexibleExtract, strictMatch } from '../../src/eval/harness.ts';
import { ANSWER_RULES, judge, votesOf } from '../../src/eval/judge.ts';
import { PRESETS, renderPrompt } from '../../src/eval/prompts.ts';

describe('gsm8k as lm-evaluation-harness reads it', () => {
  it.each([
    ['2+2=<<2+2=4>>4\n#### 4', '4', '4'],
    ['#### 1,200.\n\nThat is $1,200 in all.', '1,200.', '$1,200'],
    ['#### 3\n#### 5', '3', '5'],
    ['The answer is -7.', undefined, '-7.'],
    ['It costs $12.50', undefined, '$12.50'],
    ['####4', undefined, '4'],
    ['no number', undefined, undefined],
  ])('%j has the strict answer %s and the flexible one %s', (completion, strict, flexible) => {
    expect([strictMatch(completion), flexibleExtract(completion)]).toEqual([strict, flexible]);
  });

  it('compares as text, without commas, dollar signs and a closing dot', () => {
    expect(bareText('$1,200.')).toBe('1200');
    expect(bareText('12.0')).toBe('12.0');
  });
});

describe('minerva_math’s closing sentence', () => {
  it.each([
    ['So.\nFinal Answer: The final answer is $\\frac{1}{2}$. I hope it is correct.', '$\\frac{1}{2}$'],
    [
      'Final Answer: The final answer is $4$. I hope it is correct. Final Answer: The final answer is $5$. I hope it is correct.',
      '$4$',
    ],
    ['The answer is \\boxed{4}.', undefined],
  ])('of %j names %s', (completion, answer) => {
    expect(closingAnswer(completion)).toBe(answer);
  });
});

describe('judge', () => {
  it.each([
    ['gsm8k_strict', 'so\n#### 12', '12', true],
    ['gsm8k_strict', 'so it is 12', '12', false],
    ['gsm8k_flexible', 'so it is 12', '12', true],
    ['minerva', 'Final Answer: The final answer is $\\frac12$. I hope it is correct.', '\\frac{1}{2}', true],
    ['boxed', 'so \\boxed{12}', '12', true],
    ['boxed', 'so \\boxed{ }', '12', false],
    ['last_number', 'so 12', '12', true],
  ] as const)('%s finds in %j that the answer is %s: %s', async (rule, completion, gold, correct) => {
    expect((await judge(completion, gold, rule)).correct).toBe(correct);
  });

  it('finds no answer in an empty text by any rule', async () => {
    for (const rule of ANSWER_RULES) expect(await judge('', '1', rule)).toEqual({ extracted: null, correct: false });
  });
});

describe('votesOf', () => {
  it('joins what the rule holds equal: values by the verifier, texts by the harness', async () => {
    const answers = ['1/2', null, '0.5', '1,000', '.5', '1000'];
    expect(await votesOf(answers, 'boxed')).toEqual([0, null, 0, 3, 0, 3]);
    expect(await votesOf(answers, 'gsm8k_flexible')).toEqual([0, null, 2, 3, 4, 3]);
  });
});

describe.each(['gsm8k', 'math'] as const)('the preset %s', (name) => {
  const preset = PRESETS[name];

  it('has the harness’s number of examples, each in its layout and judged right by its own rules', async () => {
    expect(preset.examples).toHaveLength(name === 'gsm8k' ? 5 : 4);
    for (const { completion } of preset.examples) {
      const gold = (
        name === 'gsm8k' ? strictMatch(completion) : /\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}/.exec(completion)?.[1]
      ) as string;
      for (const rule of preset.answer) expect((await judge(completion, gold, rule)).correct, completion).toBe(true);
    }
  });

  it('contains calculations that are right', () => {
    const claims = preset.examples.flatMap(({ completion }) => [...completion.matchAll(/<<([\d.+\-*/]+)=([\d.]+)>>/g)]);
    expect(claims.length).toBe(name === 'gsm8k' ? 20 : 0);
    for (const [claim, left = '', right] of claims) expect(arithmetic(left), claim).toBeCloseTo(Number(right), 9);
  });

  it('ends before the answer, and contains none of its stop texts in a completion', () => {
    const text = renderPrompt(preset, { question: 'How many?' });
    expect(
      text.endsWith(name === 'gsm8k' ? '\n\nQuestion: How many?\nAnswer:' : '\n\nProblem:\nHow many?\n\nSolution:'),
    ).toBe(true);
    for (const { completion } of preset.examples) {
      for (const stop of preset.stop) expect(completion).not.toContain(stop);
    }
  });
});

/** Sums of products, left to right. */
function arithmetic(expression: string): number {
  return expression
    .split(/(?=[+-])/)
    .map((term) =>
      term.split(/(?=[*/])/).reduce((value, factor) => {
        if (factor.startsWith('*')) return value * Number(factor.slice(1));
        return factor.startsWith('/') ? value / Number(factor.slice(1)) : Number(factor);
      }, 0),
    )
    .reduce((sum, term) => sum + term, 0);
}
