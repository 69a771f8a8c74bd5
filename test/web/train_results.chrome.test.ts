import { h, render } from 'preact';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccuracyBars, Answers, Lens, verdict } from '../../web/views/train/results.tsx';

const HOSTILE = '<img src=x onerror="throw 1"> \\boxed{<b>4</b>} &amp;';

let host: HTMLElement;
beforeEach(() => {
  host = document.createElement('section');
  document.body.append(host);
});
afterEach(() => host.remove());

describe('what the page shows of a run', () => {
  it('shows what a model wrote as text, never as markup', () => {
    const answer = { text: HOSTILE, correct: false, reward: -1, advantage: 0.5, tokens: 9 };
    render(
      h(Answers, { steps: [{ step: 0, reward: -1, question: HOSTILE, gold: '<i>4</i>', answers: [answer] }] }),
      host,
    );
    expect(host.querySelectorAll('img, b b, i, .said b')).toHaveLength(0);
    expect(host.querySelector('.said')?.textContent).toBe(HOSTILE);
    expect(host.querySelector('.question')?.textContent).toBe(`${HOSTILE} Answer: <i>4</i>`);
    expect(host.querySelector('mark')?.textContent).toBe('\\boxed{<b>4</b>}');
    expect(host.querySelector('.up')?.textContent).toBe('+0.5');
  });

  it('draws an accuracy and its interval to scale', () => {
    const measured = { accuracy: 0.25, lo: 0.125, hi: 0.5, n: 8 };
    render(h(AccuracyBars, { before: { greedy: measured, sampled: measured }, after: undefined }), host);
    const [greedy] = host.querySelectorAll('.mode');
    expect(greedy?.querySelector<HTMLElement>('.before .fill')?.style.width).toBe('25%');
    const interval = greedy?.querySelector<HTMLElement>('.before .interval')?.style;
    expect([interval?.left, interval?.width]).toEqual(['12.5%', '37.5%']);
    expect(greedy?.querySelector('.after')?.textContent).toContain('not measured yet');
  });

  it('calls a difference one only where the intervals are apart', () => {
    const low = { accuracy: 0.1, lo: 0.05, hi: 0.2, n: 64 };
    const high = { accuracy: 0.8, lo: 0.7, hi: 0.9, n: 64 };
    expect(verdict(low, high)).toMatch(/^\+70 points, on 64 held-out problems\. .* apart/);
    expect(verdict(high, low)).toMatch(/^−70 points: worse/);
    expect(verdict(low, { ...low, hi: 0.3 })).toMatch(/^0 points, on 64 held-out problems\. .* overlap/);
  });

  it('shows the spaces of a token, and the number of one that is no text', () => {
    const top = [' Step', '\ufffd', '\u0001', '\n'].map((token, id) => ({ id, token, score: 4 - id }));
    render(h(Lens, { lens: [{ layer: 3, norm: 1, top }] }), host);
    expect([...host.querySelectorAll('.token')].map((chip) => chip.textContent)).toEqual(['·Step', '#1', '#2', '↵']);
  });
});
