import { expect, it } from 'vitest';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/swiglu.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import { swiglu, swigluBackward } from '../reference/swiglu.ts';
import { describeCases } from './driver.ts';

describeCases('swiglu', cases());

it('swiglu: the backward reference agrees with finite differences of the forward one', () => {
  const random = randomSource(1);
  const [n, f] = [3, 17];
  const gateUp = Float64Array.from(random.array(2 * n * f, 4));
  const dout = Float64Array.from(random.array(n * f));
  const want = centralDifferences((x) => swiglu(x, n, f), gateUp, dout);
  expect(largestDifference(swigluBackward(gateUp, dout, n, f), want)).toBeLessThan(1e-8);
});
