import { describe, expect, it } from 'vitest';
import { numel, type Tensor } from '../../src/gpu/tensor.ts';
import { UNTUNED } from '../../src/gpu/tuning.ts';
import { gates, linear, linearGated } from '../../src/kernels/linear.ts';
import { swiglu } from '../../src/kernels/swiglu.ts';
import { cases, type GatedCase, gatedCase, gatedVariants } from '../cases/linear_gated.ts';
import { testDevice } from '../setup/device.ts';
import { describeCases, prepareCase } from './driver.ts';

const device = await testDevice();
const variants = gatedVariants(device.caps);

describeCases('linear_gated', cases(device.caps));

/** Both ways, as bits. */
async function bothWays(
  shape: GatedCase & { variant: (typeof variants)[number] },
): Promise<[Uint32Array, Uint32Array]> {
  const { m, f, k, variant } = shape;
  const prepared = prepareCase(device, gatedCase(shape));
  const t = prepared.tensors as Record<'inp' | 'weight' | 'bias' | 'out', Tensor>;
  const rec = device.recorder();
  linearGated(rec, t, { m, f, k, variant });
  const gated = await device.readU32(t.out);
  const gateUp = device.arena.alloc([m, 2 * f]);
  linear(
    rec,
    { inp: t.inp, weight: t.weight, ...(t.bias && { bias: t.bias }), out: gateUp },
    { m, n: 2 * f, k, variant },
  );
  swiglu(rec, { gateUp, out: t.out }, { n: m, f });
  const apart = await device.readU32(t.out);
  device.arena.free(gateUp);
  prepared.free();
  return [gated.slice(0, numel([m, f])), apart.slice(0, numel([m, f]))];
}

// On a GPU the compiler may fuse other products and sums in one shader than in another.
describe.runIf(device.caps.isSoftware)('gates and ups', () => {
  for (const variant of variants) {
    it(`have the bits of the product and of swiglu after it, whatever the rows are (${variant})`, async () => {
      for (const m of [1, 4, 12, 65]) {
        for (const bias of [false, true]) {
          const [gated, apart] = await bothWays({ m, f: 72, k: 136, bias, variant });
          expect(gated, `${m} rows`).toEqual(apart);
        }
      }
    });
  }
});

it('are one dispatch on a processor alone, and for whole blocks of columns', () => {
  const caps = { ...device.caps, isSoftware: true, subgroups: true };
  const o = { m: 64, f: 384, k: 128, dtype: 'bf16', bias: false } as const;
  const on = (changed: Partial<typeof caps>, shape: Partial<GatedCase> = {}, tuning = UNTUNED) =>
    gates({ caps: { ...caps, ...changed }, tuning } as typeof device, { ...o, ...shape });
  expect(on({})).toBe(true);
  expect(on({}, { m: 1, bias: true })).toBe(true);
  expect(on({ subgroups: false })).toBe(true);
  expect(on({ isSoftware: false })).toBe(false);
  expect(on({}, { f: 6 })).toBe(false);
  expect(on({}, { k: 130 })).toBe(false);
  expect(on({}, {}, { order: 'sliced', choices: {} } as typeof UNTUNED)).toBe(false);
});
