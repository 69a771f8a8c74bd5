import { describe, expect, it } from 'vitest';
import { numel, type Tensor } from '../../src/gpu/tensor.ts';
import { linear, linearBackward } from '../../src/kernels/linear.ts';
import { type LinearVariant, linearVariant } from '../../src/kernels/linear_variants.ts';
import { randomSource } from '../cases/case.ts';
import { cases, type LinearCase, linearBackwardCase, linearCase, runnableVariants } from '../cases/linear.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import * as reference from '../reference/linear.ts';
import { testDevice } from '../setup/device.ts';
import { describeCases, prepareCase } from './driver.ts';

const device = await testDevice();
const variants = runnableVariants(device);
const chosen = linearVariant(device.caps, { terms: 64, width: 64, strides: [64], bias: false });

describeCases('linear', cases(variants.filter((variant) => variant !== chosen)));

/** The output's rows as bits, for the first `m` rows of a case with 65. */
async function rowsOf(m: number, direction: 'forward' | 'backward', variant: LinearVariant): Promise<Uint32Array> {
  const shape: LinearCase = { m: 65, n: 72, k: 56, variant };
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
      it(`has the same bits among 1, 4, 12, 17 and 65 rows (${direction}, ${variant})`, async () => {
        const all = await rowsOf(65, direction, variant);
        for (const m of [1, 4, 12, 17]) {
          const some = await rowsOf(m, direction, variant);
          expect(some).toEqual(all.slice(0, some.length));
        }
      });
    }
  }

  // On a GPU the compiler may fuse other products and sums in one shader than in another.
  it.runIf(device.caps.isSoftware)('has the same bits in every variant of a software adapter', async () => {
    for (const direction of ['forward', 'backward'] as const) {
      const want = await rowsOf(17, direction, 'scalar');
      for (const variant of variants)
        expect(await rowsOf(17, direction, variant), `${direction} ${variant}`).toEqual(want);
    }
  });
});

it('decides the variant by the adapter and the shape of the weight alone', () => {
  const shape = { terms: 64, width: 128, strides: [64, 0, 128, 0], bias: true };
  const software = { isSoftware: true, subgroups: true };
  expect(linearVariant(software, shape)).toBe('subgroup');
  expect(linearVariant({ ...software, subgroups: false }, shape)).toBe('registers');
  expect(linearVariant({ isSoftware: false, subgroups: true }, shape)).toBe('tiled');
  expect(linearVariant(software, { ...shape, terms: 66 })).toBe('scalar');
  expect(linearVariant(software, { ...shape, strides: [64, 0, 131, 0] })).toBe('scalar');
  expect(linearVariant(software, { ...shape, width: 131 })).toBe('scalar');
  expect(linearVariant(software, { ...shape, width: 131, bias: false })).toBe('subgroup');
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
