import { expect, it } from 'vitest';
import { residualAdd } from '../../src/kernels/residual_add.ts';
import { residualNorm, rmsnorm as rmsnormKernel } from '../../src/kernels/rmsnorm.ts';
import { randomSource } from '../cases/case.ts';
import { cases } from '../cases/rmsnorm.ts';
import { centralDifferences, largestDifference } from '../reference/differences.ts';
import { rmsnorm, rmsnormBackward } from '../reference/rmsnorm.ts';
import { testDevice, testDeviceOfOtherKind } from '../setup/device.ts';
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

it.each([
  ['this adapter', testDevice],
  ['the other kind', testDeviceOfOtherKind],
])('an addition and its norm in one have the bits of both in turn, on %s', async (_, open) => {
  const device = await open();
  const random = randomSource(2);
  for (const c of [17, 36, 64]) {
    const n = 9;
    const o = { n, c, layer: 1, scale: 0.75, eps: 1e-5 };
    const upload = (...shape: number[]) =>
      device.upload(random.array(shape.reduce((a, b) => a * b)), shape, 'f32', 'input');
    const [inp, branch, weight, vectors] = [upload(n, c), upload(n, c), upload(c), upload(2, c)];
    for (const steering of [undefined, vectors]) {
      const made = () => [[n, c], [n], [n, c]].map((shape) => device.arena.alloc(shape));
      const [resid, rstd, out] = made() as [typeof inp, typeof inp, typeof inp];
      const one = [resid, rstd, out];
      residualNorm(device.recorder(), { inp, branch, steering, weight, resid, rstd, out }, o);
      const [resid2, rstd2, out2] = made() as [typeof inp, typeof inp, typeof inp];
      const two = [resid2, rstd2, out2];
      residualAdd(device.recorder(), { inp, branch, steering, out: resid2 }, o);
      rmsnormKernel(device.recorder(), { inp: resid2, weight, out: out2, rstd: rstd2 }, o);
      expect(await device.readBytes(one)).toEqual(await device.readBytes(two));
      for (const tensor of [...one, ...two]) device.arena.free(tensor);
    }
    for (const tensor of [inp, branch, weight, vectors]) device.arena.free(tensor);
  }
});
