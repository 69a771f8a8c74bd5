import { describe, expect, it } from 'vitest';
import { defineKernel } from '../../src/gpu/kernel.ts';
import type { KernelCase } from '../cases/case.ts';
import { testDevice } from '../setup/device.ts';
import { checkCase } from './driver.ts';

/** out[i] = inp[i], with faults to be found. */
const faulty = defineKernel({
  name: 'test_faulty_copy',
  source: `@compute @workgroup_size(1) fn main(@builtin(workgroup_id) wg: vec3u) {
  if (wg.x != params.skip) { out[wg.x] = inp[wg.x + params.shift]; }
}`,
  entry: 'main',
  bindings: { inp: 'read array<f32>', out: 'read_write array<f32>' },
  params: { skip: 'u32', shift: 'u32' },
  workgroup: 1,
  cost: () => ({ flops: 0, bytes: 0 }),
});

interface Faults {
  n?: number;
  launched?: number;
  skip?: number;
  shift?: number;
  drift?: boolean;
  leak?: boolean;
}

function copyCase({ n = 5, launched = n, skip = 99, shift = 0, drift = false, leak = false }: Faults): KernelCase {
  const data = Float32Array.from({ length: n }, (_, i) => i + 1);
  let runs = 0;
  return {
    kernel: 'faulty_copy',
    shape: `N=${n}`,
    inputs: { inp: { data, shape: [n] } },
    outputs: { out: { shape: [n] } },
    run(rec, t, device) {
      if (drift && runs++ > 0) device.write(t.inp as never, Float32Array.of(1.000001));
      if (leak) device.arena.alloc([1], 'f32', 'forgotten');
      rec.dispatch(faulty, { inp: t.inp as never, out: t.out as never }, { skip, shift }, [launched, 1, 1]);
    },
    reference: (t) => ({ out: t.inp as Float64Array }),
  };
}

describe('the kernel test driver', async () => {
  const device = await testDevice();

  it('passes a kernel that is right', async () => {
    await checkCase(device, copyCase({}));
  });

  it('finds an element that was not written', async () => {
    await expect(checkCase(device, copyCase({ skip: 3 }))).rejects.toThrow(/out\[3\] is NaN/);
  });

  it('finds a wrong value', async () => {
    await expect(checkCase(device, copyCase({ n: 1, shift: 7 }))).rejects.toThrow(/1 of 1 elements of out are off/);
  });

  it('finds a write behind the output', async () => {
    await expect(checkCase(device, copyCase({ launched: 7 }))).rejects.toThrow(
      /out has 5 elements, but element 5 was written/,
    );
  });

  it('finds results that change from run to run', async () => {
    await expect(checkCase(device, copyCase({ drift: true }))).rejects.toThrow(/other bits in a second run/);
  });

  it('finds a launch for an empty case', async () => {
    await expect(checkCase(device, copyCase({ n: 0, launched: 1 }))).rejects.toThrow(/launches nothing/);
  });

  it('finds a tensor that was not freed', async () => {
    await expect(checkCase(device, copyCase({ leak: true }))).rejects.toThrow(/forgotten|deeply equal/);
  });
});
