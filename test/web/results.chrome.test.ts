import { describe, expect, it } from 'vitest';
import { accuracyBars, lensRows, showAnswers, verdict } from '../../web/views/train/results.ts';

const HOSTILE = '<img src=x onerror="throw 1"> \\boxed{<b>4</b>} &amp;';

describe('what the page shows of a run', () => {
  it('shows what a model wrote as text, never as markup', () => {
    const stream = document.createElement('section');
    const answer = { text: HOSTILE, correct: false, reward: -1, tokens: 9 };
    showAnswers(stream, 0, -1, { question: HOSTILE, gold: '<i>4</i>', answers: [answer] });
    expect(stream.querySelectorAll('img, b:not(.mark), i')).toHaveLength(0);
    expect(stream.querySelector('.said')?.textContent).toBe(HOSTILE);
    expect(stream.querySelector('.question')?.textContent).toBe(`${HOSTILE} Answer: <i>4</i>`);
    expect(stream.querySelector('mark')?.textContent).toBe('\\boxed{<b>4</b>}');
  });

  it('keeps the newest fifty steps', () => {
    const stream = document.createElement('section');
    for (let step = 0; step < 60; step++) showAnswers(stream, step, 0, { question: '', gold: '', answers: [] });
    expect(stream.children).toHaveLength(50);
    expect(stream.firstElementChild?.textContent).toContain('Step 60');
  });

  it('draws an accuracy and its interval to scale', () => {
    const [greedy] = accuracyBars({ greedy: { accuracy: 0.25, lo: 0.125, hi: 0.5, n: 8 } }, undefined);
    expect(greedy?.querySelector<HTMLElement>('.before .fill')?.style.width).toBe('25%');
    const interval = greedy?.querySelector<HTMLElement>('.before .interval')?.style;
    expect([interval?.left, interval?.width]).toEqual(['12.5%', '37.5%']);
    expect(greedy?.querySelector('.after')?.textContent).toContain('not measured yet');
  });

  it('calls a difference one only where the intervals are apart', () => {
    const low = { accuracy: 0.1, lo: 0.05, hi: 0.2, n: 64 };
    const high = { accuracy: 0.8, lo: 0.7, hi: 0.9, n: 64 };
    expect(verdict(low, high)).toMatch(/^\+70 points, on 64 problems .* apart/);
    expect(verdict(high, low)).toMatch(/^−70 points: worse/);
    expect(verdict(low, { ...low, hi: 0.3 })).toMatch(/^0 points, .* overlap/);
  });

  it('shows the spaces of a token, and the number of one that is no text', () => {
    const top = [' Step', '\ufffd', '\u0001', '\n'].map((token, id) => ({ id, token, score: 4 - id }));
    const [row] = lensRows([{ layer: 3, norm: 1, top }]);
    expect([...(row?.querySelectorAll('.token') ?? [])].map((chip) => chip.textContent)).toEqual([
      '·Step',
      '#1',
      '#2',
      '↵',
    ]);
  });
});
