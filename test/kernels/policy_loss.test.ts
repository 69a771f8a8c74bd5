import { describe, expect, it } from 'vitest';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/policy_loss.ts';
import { pairLoss, policyLoss } from '../reference/policy_loss.ts';
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
});
