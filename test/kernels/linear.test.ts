import { describe, expect, it } from 'vitest';
import { numel, type Tensor } from '../../src/gpu/tensor.ts';
import { linear, linearBackward } from '../../src/kernels/linear.ts';
import { LINEAR_ORDERS, type LinearQuestion, sliceSteps } from '../../src/kernels/linear_kernel.ts';
import { LINEAR_VARIANTS, type LinearVariant, linearVariant, variantsOf } from '../../src/kernels/linear_variants.ts';
import { randomSource } from '../cases/case.ts';
import { cases, type LinearCase, linearBackwardCase, linearCase, runnableVariants } from '../cases/linear.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import * as reference from '../reference/linear.ts';
import { testDevice } from '../setup/device.ts';
import { describeCases, prepareCase } from './driver.ts';

const device = await testDevice();
const variants = runnableVariants(device);
const question: LinearQuestion = {
  direction: 'forward',
  dtype: 'bf16',
  m: 17,
  terms: 64,
  width: 128,
  strides: [64, 0, 128, 0],
  bias: true,
};
const chosen = linearVariant(device.caps, question);

describeCases(
  'linear',
  cases(
    variants.filter((variant) => variant !== chosen),
    device.caps.isSoftware,
  ),
);

/** The output's rows as bits, for the first `m` rows of a case with 65. */
async function rowsOf(m: number, direction: 'forward' | 'backward', variant: LinearVariant): Promise<Uint32Array> {
  const shape: LinearCase = { m: 65, n: 72, k: 136, variant };
  const prepared = prepareCase(device, direction === 'forward' ? linearCase(shape) : linearBackwardCase(shape));
  const t = prepared.tensors as Record<string, Tensor>;
  const rec = device.recorder();
  if (direction === 'forward') linear(rec, t as never, { ...shape, m });
  else linearBackward(rec, t as never, { ...shape, m });
  rec.submit();
  const out = (direction === 'forward' ? t.out : t.dinp) as Tensor;
  const words = await device.readU32(out);
  prepared.free();
  return words.slice(0, (numel(out.shape) / 65) * m);
}

describe('a row of a product', () => {
  for (const variant of variants) {
    for (const direction of ['forward', 'backward'] as const) {
      if (!LINEAR_VARIANTS[variant][direction]) continue;
      it(`has the same bits among 1, 4, 12, 17 and 65 rows (${direction}, ${variant})`, async () => {
        const all = await rowsOf(65, direction, variant);
        for (const m of [1, 4, 12, 17]) {
          const some = await rowsOf(m, direction, variant);
          expect(some).toEqual(all.slice(0, some.length));
        }
      });
    }
  }

  // On a GPU the compiler may fuse other products and sums in one shader than in another: there, tuning compares the bits.
  for (const order of LINEAR_ORDERS) {
    for (const direction of ['forward', 'backward'] as const) {
      const same = variantsOf(order, direction, device.caps);
      it.runIf(device.caps.isSoftware && same.length > 1)(
        `has the same bits in every variant of a software adapter (${direction}, ${order})`,
        async () => {
          const want = await rowsOf(65, direction, same[0] as LinearVariant);
          for (const variant of same) expect(await rowsOf(65, direction, variant), variant).toEqual(want);
        },
      );
    }
  }
});

it('decides the variant by the adapter and the shape of the weight alone', () => {
  const software = { ...device.caps, isSoftware: true, subgroups: true };
  expect(linearVariant(software, question)).toBe('subgroup');
  expect(linearVariant(software, { ...question, m: 1 })).toBe('subgroup');
  expect(linearVariant({ ...software, subgroups: false }, question)).toBe('registers');
  expect(linearVariant({ ...software, isSoftware: false }, question)).toBe('tiles_32x64');
  expect(linearVariant(software, { ...question, terms: 66 })).toBe('scalar');
  expect(linearVariant(software, { ...question, strides: [64, 0, 131, 0] })).toBe('scalar');
  expect(linearVariant(software, { ...question, width: 131 })).toBe('scalar');
  expect(linearVariant(software, { ...question, width: 131, bias: false })).toBe('subgroup');
});

it('stays within an order of summation whatever the rows are, and leaves it for a shape alone', () => {
  const caps = { ...device.caps, isSoftware: false, maxInvocations: 256, maxWorkgroupStorage: 32768 };
  expect(linearVariant(caps, { ...question, m: 8 }, 'sliced')).toBe('sliced_32x64');
  expect(linearVariant(caps, { ...question, m: 9 }, 'sliced')).toBe('sliced_32x64');
  expect(linearVariant(caps, { ...question, m: 8, direction: 'backward' }, 'sliced')).toBe('tiles_32x64');
  for (const m of [8, 9]) expect(linearVariant(caps, { ...question, m, terms: 66 }, 'sliced')).toBe('scalar');
});

it('cuts the terms into at most 16 slices, each in whole stages of the tiles', () => {
  for (const steps of [1, 8, 32, 129, 384, 2240, 100_000]) {
    expect(sliceSteps(steps) % 8).toBe(0);
    expect(Math.ceil(steps / sliceSteps(steps))).toBeLessThanOrEqual(16);
  }
});

it('linear: the backward reference agrees with finite differences of the forward one', () => {
  const random = randomSource(3);
  const o = { m: 3, n: 7, k: 5, first: 4 };
  const [inp, weight, dout] = [15, 55, 21].map((length) => Float64Array.from(random.array(length))) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const got = reference.linearBackward({ dout, weight }, o);
  const want = centralDifferences((x) => reference.linear({ inp: x, weight }, o), inp, dout);
  expect(largestDifference(got, want)).toBeLessThan(1e-8);
});
