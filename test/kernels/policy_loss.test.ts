import { describe, expect, it } from 'vitest';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/policy_loss.ts';
import { pairLoss, policyLoss, sequenceRatio } from '../reference/policy_loss.ts';
import { describeCases } from './driver.ts';

describeCases('policy_loss', cases());

describe('policy_loss reference', () => {
  const random = randomSource(3);
  const vector = (scale: number, offset = 0) => Float64Array.from({ length: 50 }, () => offset + scale * random.next());
  const logp = vector(2, -3);
  const t = { logp, advantage: vector(1), weight: vector(0.5, 1) };
  const refLogp = logp.map((x) => x + 0.5 * random.next());
  const oldLogp = logp.map((x) => x + 0.5 * random.next());

  it.each([
    ['policy gradient', t],
    ['with k3', { ...t, refLogp }],
    ['with the clipped ratio', { ...t, oldLogp }],
    ['with both', { ...t, refLogp, oldLogp }],
  ])('has the gradient of its own loss by central differences: %s', (_, inputs) => {
    const o = { beta: 0.3, epsilonLow: 0.2, epsilonHigh: 0.28 };
    const { coef } = policyLoss(inputs, o);
    const h = 1e-5;
    coef.forEach((got, i) => {
      const at = (x: number) => pairLoss(inputs, o, i, x).loss;
      const lp = logp[i] as number;
      expect(got).toBeCloseTo((at(lp + h) - at(lp - h)) / (2 * h), 7);
    });
  });

  it.each([
    ['mean', true],
    ['sum', false],
  ])('has the gradient of the clipped ratio of whole completions by central differences: %s', (_, mean) => {
    const o = { beta: 0.3, epsilonLow: 0.2, epsilonHigh: 0.28 };
    const tables = {
      seqStart: Float64Array.of(0, 7, 20, 50),
      seqPairs: Float64Array.from({ length: 50 }, (_, i) => (i * 7) % 50),
    };
    // One weight and one advantage a completion.
    const own = (values: Float64Array) => {
      const out = new Float64Array(50);
      tables.seqPairs.forEach((p, i) => {
        out[p] = values[tables.seqStart.findLastIndex((start) => start <= i)] as number;
      });
      return out;
    };
    const inputs = (at: Float64Array) => {
      const ratio = sequenceRatio({ logp: at, oldLogp, ...tables }, mean);
      return { logp: at, oldLogp, refLogp, ratio, advantage: own(strengths), weight: own(weights) };
    };
    const strengths = Float64Array.of(0.4, -0.7, 0.2);
    const weights = Float64Array.of(0.1, 0.2, 0.3);
    const total = (at: Float64Array) => {
      const all = inputs(at);
      return at.reduce((sum, lp, i) => sum + pairLoss(all, o, i, lp).loss, 0);
    };
    const { coef } = policyLoss(inputs(logp), o);
    const h = 1e-5;
    coef.forEach((got, i) => {
      const moved = (by: number) => total(logp.map((x, j) => (j === i ? x + by : x)));
      expect(got).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 6);
    });
  });
});
