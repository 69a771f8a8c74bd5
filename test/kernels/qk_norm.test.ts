import { expect, it } from 'vitest';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/qk_norm.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import { qkNorm, qkNormBackward } from '../reference/qk_norm.ts';
import { testDeviceOfOtherKind } from '../setup/device.ts';
import { describeCases } from './driver.ts';

describeCases('qk_norm', cases());
describeCases('qk_norm as on the other kind of adapter', cases(), testDeviceOfOtherKind);

it('qk_norm: the backward reference agrees with finite differences of the forward one, v included', () => {
  const random = randomSource(1);
  const o = { n: 2, heads: 2, kvHeads: 1, headDim: 5, eps: 1e-6 };
  const [qkv, dout, weight] = [40, 40, 10].map((length) => Float64Array.from(random.array(length))) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const want = centralDifferences((x) => qkNorm(x, weight, o), qkv, dout);
  expect(largestDifference(qkNormBackward(qkv, weight, dout, o), want)).toBeLessThan(1e-8);
});
