import { expect, it } from 'vitest';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/rmsnorm.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import { rmsnorm, rmsnormBackward } from '../reference/rmsnorm.ts';
import { testDeviceOfOtherKind } from '../setup/device.ts';
import { describeCases } from './driver.ts';

describeCases('rmsnorm', cases());
describeCases('rmsnorm as on the other kind of adapter', cases(), testDeviceOfOtherKind);

it('rmsnorm: the backward reference agrees with finite differences of the forward one', () => {
  const random = randomSource(1);
  const [n, c] = [3, 17];
  const [inp, dout, weight] = [n * c, n * c, c].map((length) => Float64Array.from(random.array(length))) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const o = { n, c, eps: 1e-5 };
  const { rstd } = rmsnorm({ inp, weight }, o);
  const got = rmsnormBackward({ inp, weight, rstd, dout, dinp: new Float64Array(n * c) }, o);
  const want = centralDifferences((x) => rmsnorm({ inp: x, weight }, o).out, inp, dout);
  expect(largestDifference(got, want)).toBeLessThan(1e-8);
});
