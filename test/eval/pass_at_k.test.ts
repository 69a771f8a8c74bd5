import { describe, expect, it } from 'vitest';
import { majAtK, passAtK, powersUpTo } from '../../src/eval/pass_at_k.ts';
import { philox4x32, toIndex } from '../../src/gpu/philox.ts';
import * as reference from '../reference/pass_at_k.ts';

/** Reproducible whole numbers below n. */
function dice(seed: number): (n: number) => number {
  let at = 0;
  return (n) => toIndex(philox4x32([at++, 0, 0, 0], [seed, 99])[0] as number, n);
}

function withVotes(samples: readonly { answer: string | null; correct: boolean }[]) {
  const answers = samples.map(({ answer }) => answer);
  return samples.map(({ answer, correct }) => ({ correct, vote: answer === null ? null : answers.indexOf(answer) }));
}

describe('passAtK', () => {
  it('equals exact rationals to 1e-12 for every c and k at n = 1, 2, 3, 7, 64, and at n = 256', () => {
    let worst = 0;
    for (const n of [1, 2, 3, 7, 64, 256]) {
      const ks = n < 256 ? Array.from({ length: n }, (_, i) => i + 1) : [1, 2, 3, 4, 8, 16, 32, 64, 100, 128, 255, 256];
      for (const k of ks) {
        for (let c = 0; c <= n; c += 1) {
          worst = Math.max(worst, Math.abs(passAtK(n, c, k) - reference.toNumber(reference.passAtK(n, c, k))));
        }
      }
    }
    expect(worst).toBeLessThan(1e-12);
  });

  it('is the share of subsets of k samples that hold a right one', () => {
    for (let n = 1; n <= 8; n += 1) {
      for (let c = 0; c <= n; c += 1) {
        const correct = Array.from({ length: n }, (_, i) => i < c);
        for (let k = 1; k <= n; k += 1) {
          expect(passAtK(n, c, k)).toBeCloseTo(reference.toNumber(reference.passAtKByCounting(correct, k)), 12);
        }
      }
    }
  });

  it('is the share of right samples at k = 1, and whether there is one at k = n', () => {
    expect(passAtK(10, 3, 1)).toBeCloseTo(0.3, 14);
    expect(passAtK(10, 0, 10)).toBe(0);
    expect(passAtK(10, 1, 10)).toBe(1);
  });

  it.each([
    [4, 1, 5],
    [4, 1, 0],
    [4, 5, 1],
    [4, -1, 1],
  ])('refuses n = %i, c = %i, k = %i', (n, c, k) => {
    expect(() => passAtK(n, c, k)).toThrow(RangeError);
  });
});

describe('majAtK', () => {
  it('agrees with its definition on 2,000 drawn problems, for every k', () => {
    const draw = dice(1);
    for (let problem = 0; problem < 2000; problem += 1) {
      const right = String(draw(3));
      const samples = Array.from({ length: 1 + draw(12) }, () => {
        const answer = draw(4) === 0 ? null : String(draw(3));
        return { answer, correct: answer === right };
      });
      const voted = withVotes(samples);
      for (let k = 1; k <= samples.length; k += 1) {
        expect(majAtK(voted, k), JSON.stringify({ samples, k })).toBe(reference.majAtK(samples, k));
      }
    }
  });

  it('gives a tie to the answer that came first', () => {
    const [a, b] = [
      { vote: 0, correct: true },
      { vote: 1, correct: false },
    ];
    expect(majAtK([a, b, b, a], 4)).toBe(true);
    expect(majAtK([a, b, b], 3)).toBe(false);
    expect(majAtK([a, b], 2)).toBe(true);
  });

  it('gives no vote to a sample without an answer', () => {
    const none = { vote: null, correct: false };
    expect(majAtK([none, none, none, { vote: 3, correct: true }], 4)).toBe(true);
    expect(majAtK([none, none, none, { vote: 3, correct: true }], 3)).toBe(false);
  });

  it('refuses fewer samples than k', () => {
    expect(() => majAtK([{ vote: 0, correct: true }], 2)).toThrow(RangeError);
  });
});

describe('powersUpTo', () => {
  it('ends with n', () => {
    expect([1, 4, 6, 256].map(powersUpTo)).toEqual([[1], [1, 2, 4], [1, 2, 4, 6], [1, 2, 4, 8, 16, 32, 64, 128, 256]]);
  });
});
