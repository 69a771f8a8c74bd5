import { describe, expect, it } from 'vitest';
import { Device } from '../../src/gpu/device.ts';
import { type Constants, definedKernels, type Kernel, textOf } from '../../src/gpu/kernel.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { parseTuning, type Tuning, UNTUNED, writeTuning } from '../../src/gpu/tuning.ts';
import { linear, linearBackward } from '../../src/kernels/linear.ts';
import { LINEAR_ORDERS, type LinearQuestion, type LinearVariantEntry } from '../../src/kernels/linear_kernel.ts';
import {
  choiceKey,
  LINEAR_VARIANTS,
  type LinearVariant,
  ROW_CLASSES,
  tunedVariant,
  variantsOf,
} from '../../src/kernels/linear_variants.ts';
import {
  kernelsDigest,
  type Measured,
  mergedTuning,
  staleness,
  tuneProducts,
  tuningFile,
} from '../../src/kernels/tune.ts';
import { ComparedProduct } from '../../src/kernels/tuned_bits.ts';
import { linearBackwardCase, linearCase } from '../cases/linear.ts';
import { testDevice } from '../setup/device.ts';
import { prepareCase } from './driver.ts';

const SHADERS = import.meta.glob('../../shaders/{common,weights}/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
}) as Record<string, string>;
const included = (name: string) => (SHADERS[`../../shaders/${name}.wgsl`] as string).trimEnd();
const { gpu, caps } = await testDevice();
/** One size of tiles is enough: every other takes a CPU seconds to compile. */
const device = new Device(gpu, { ...caps, maxInvocations: 64 });
const question: LinearQuestion = {
  direction: 'forward',
  dtype: 'bf16',
  m: 8,
  terms: 32,
  width: 64,
  strides: [32, 0, 64, 0],
  bias: false,
};

/** Output bits of a product under a tuning. */
async function bits(tuning: Tuning, direction: 'forward' | 'backward'): Promise<Uint32Array> {
  const o = { m: 8, n: 64, k: 32 };
  const prepared = prepareCase(device, direction === 'forward' ? linearCase(o) : linearBackwardCase(o));
  const t = prepared.tensors as Record<string, Tensor>;
  device.tuning = tuning;
  if (direction === 'forward') linear(device.recorder(), t as never, o);
  else linearBackward(device.recorder(), t as never, o);
  const words = await device.readU32((direction === 'forward' ? t.out : t.dinp) as Tensor);
  device.tuning = UNTUNED;
  prepared.free();
  return words;
}

describe('tuning', () => {
  it('measures variants of one order that have the same bits, and frees what it took', async () => {
    const live = device.arena.live().sort();
    const prepared = prepareCase(device, linearCase({ m: 1, n: 64, k: 32 }));
    const measured: Measured[] = [];
    let planned = 0;
    const tuning = await tuneProducts(device, [{ name: 'demo', weights: [prepared.tensors.weight as Tensor] }], {
      order: 'sequential',
      budget: 1500,
      onPlanned: (products) => {
        planned = products;
      },
      onMeasured: (one) => measured.push(one),
    });
    prepared.free();
    expect(device.arena.live().sort()).toEqual(live);
    // As many as the time sufficed for, the fewest rows first.
    const rows = measured.map(({ question }) => question.m);
    const all = [...ROW_CLASSES, 256, 1024].sort((a, b) => a - b);
    expect(planned).toBe(all.length);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(all.slice(0, rows.length));
    for (const { times, otherBits, untuned } of measured) {
      expect(times.length).toBeGreaterThan(1);
      expect(times.map(({ variant }) => variant)).toContain(untuned);
      for (const { variant, ms } of times) {
        expect(LINEAR_VARIANTS[variant].order).toBe('sequential');
        expect(ms).toBeGreaterThan(0);
      }
      if (caps.isSoftware) expect(otherBits).toEqual([]);
    }
    for (const [key, variant] of Object.entries(tuning.choices)) {
      const found = measured.find((one) => choiceKey(one.question) === key);
      expect(found?.times[0]?.variant).toBe(variant);
      expect(variant).not.toBe(found?.untuned);
    }
  });

  it('measures nothing when its time is over', async () => {
    const prepared = prepareCase(device, linearCase({ m: 1, n: 64, k: 32 }));
    const weights = [prepared.tensors.weight as Tensor];
    const tuning = await tuneProducts(device, [{ name: 'demo', weights }], { order: 'sequential', budget: -1 });
    prepared.free();
    expect(tuning).toEqual({ order: 'sequential', choices: {} });
  });

  it.each(['forward', 'backward'] as const)('never changes a bit (%s)', async (direction) => {
    const want = await bits(UNTUNED, direction);
    const [terms, width] = direction === 'forward' ? [32, 64] : [64, 32];
    const key = choiceKey({ ...question, direction, terms, width });
    for (const variant of variantsOf('sequential', direction, device.caps)) {
      const tuning = { order: 'sequential', choices: { [key]: variant } };
      expect(tunedVariant(device.caps, { ...question, direction, terms, width }, tuning)).toBe(variant);
      expect(await bits(tuning, direction), variant).toEqual(want);
    }
  });

  it('begins from one variant of an order for every number of rows, so that a row has its bits in all of them', () => {
    const caps = { ...device.caps, isSoftware: false, maxInvocations: 256, maxWorkgroupStorage: 32768, f16: true };
    for (const order of LINEAR_ORDERS) {
      for (const direction of ['forward', 'backward'] as const) {
        const variants = ROW_CLASSES.map((m) =>
          tunedVariant(caps, { ...question, direction, m }, { order, choices: {} }),
        );
        expect(new Set(variants).size, `${direction} ${order}`).toBe(1);
      }
    }
  });

  it('compares a row with that of more rows, and every epilogue', async () => {
    const prepared = prepareCase(device, linearCase({ m: 1, n: 64, k: 64 }));
    const weight = prepared.tensors.weight as Tensor;
    const compared = async (change: Partial<LinearVariantEntry>, direction: 'forward' | 'backward', m: number) => {
      const entry = LINEAR_VARIANTS.registers;
      const kept = { ...entry };
      Object.assign(entry, change);
      const asked = { ...question, direction, m, terms: 64, strides: [64, 0, 64, 0] };
      const product = new ComparedProduct(device, weight, asked, tunedVariant(device.caps, asked, UNTUNED));
      const same = [await product.same('registers'), await product.sameEpilogues('registers')];
      product.free();
      Object.assign(entry, kept);
      return same;
    };
    const { parts } = LINEAR_VARIANTS.registers;
    const forced = (constants: Constants): Partial<LinearVariantEntry> => ({
      parts: (size, caps) =>
        parts(size, caps).map((part) => ({ ...part, constants: { ...part.constants, ...constants } })),
    });
    expect(await compared({}, 'forward', 3)).toEqual([true, true]);
    expect(await compared({}, 'backward', 3)).toEqual([true, true]);
    // The last row is never computed.
    const short: Partial<LinearVariantEntry> = {
      parts: (size, caps) => parts({ ...size, m: Math.max(1, size.m - 1) }, caps),
    };
    expect(await compared(short, 'forward', 3)).toEqual([false, false]);
    expect(await compared(forced({ BIAS: false }), 'forward', 3)).toEqual([true, false]);
    expect(await compared(forced({ ACCUMULATE: false }), 'forward', 3)).toEqual([true, false]);
    expect(await compared(forced({ RESCALE: false }), 'backward', 3)).toEqual([true, false]);
    prepared.free();
  });

  it('is left aside where it names what there is not, or another order', () => {
    const untuned = tunedVariant(device.caps, question, UNTUNED);
    for (const name of ['no_such_variant', 'vector', 'half_32x64', 'matrix_f16_64x64', 'tiles_128x128']) {
      const tuning = { order: 'sequential', choices: { [choiceKey(question)]: name } };
      expect(tunedVariant(device.caps, question, tuning), name).toBe(untuned);
    }
    const big = { ...device.caps, maxInvocations: 256, maxWorkgroupStorage: 32768 };
    expect(tunedVariant(big, question, { order: 'sliced', choices: {} })).toBe('sliced_32x64');
    expect(tunedVariant(big, { ...question, terms: 33 }, { order: 'sliced', choices: {} })).toBe('scalar');
    expect(tunedVariant(big, question, { order: 'unheard_of', choices: {} })).toBe(untuned);
  });

  it('keeps what was measured of another model’s products', () => {
    const measured = (m: number) => ({ question: { ...question, m } }) as Measured;
    const [one, two, other] = [
      choiceKey({ ...question, m: 1 }),
      choiceKey(question),
      choiceKey({ ...question, terms: 64 }),
    ];
    const before = { order: 'sequential', choices: { [one]: 'registers', [two]: 'registers', [other]: 'registers' } };
    const tuning = { order: 'sequential', choices: { [two]: 'tiles_32x64' } };
    // What was measured again and is no longer chosen is forgotten.
    expect(mergedTuning(before, tuning, [measured(1), measured(8)]).choices).toEqual({
      [two]: 'tiles_32x64',
      [other]: 'registers',
    });
    expect(mergedTuning({ ...before, order: 'sliced' }, tuning, [])).toEqual(tuning);
  });

  it('goes with the text of every variant and of every type of weight', async () => {
    const before = await kernelsDigest();
    const changed = async (name: string, change: object) => {
      const kernel = definedKernels().find((one) => one.name === name) as Kernel;
      const kept = { ...kernel };
      Object.assign(kernel, change);
      const digest = await kernelsDigest();
      Object.assign(kernel, kept);
      return digest;
    };
    // A second kernel of a variant, a variant's constants, and the other of two files.
    const text = textOf(definedKernels().find(({ name }) => name === 'linear_matrix_f16') as Kernel);
    for (const type of ['q4_0', 'q6_k', 'f16']) expect(text).toContain(included(`weights/${type}`));
    for (const file of ['matrix_calls', 'matrix_calls_templated']) expect(text).toContain(included(`common/${file}`));
    expect(await changed('linear_slices', { source: '' })).not.toBe(before);
    expect(await changed('linear_row', { source: '' })).not.toBe(before);
    expect(await changed('linear_tiles', { variants: [] })).not.toBe(before);
    expect(await kernelsDigest()).toBe(before);
  });

  it('is kept as a file of its adapter and kernels', async () => {
    const choices: Record<string, LinearVariant> = { [choiceKey(question)]: 'registers' };
    const file = await tuningFile(device, { order: 'sequential', choices });
    expect(parseTuning(writeTuning(file))).toEqual(file);
    expect(await staleness(device, file)).toBeUndefined();
    expect(await staleness(device, { ...file, adapter: 'another' })).toMatch(/measured on another/);
    expect(await staleness(device, { ...file, kernels: '0' })).toMatch(/kernels have changed/);
    expect(await staleness(device, { ...file, order: 'matrix_f32' })).toMatch(/no variant of order matrix_f32/);
    for (const text of ['', '{', '[]', 'null', '{"format":1}', '{"format":2,"order":"sequential","choices":{}}']) {
      expect(parseTuning(text), text).toBeUndefined();
    }
  });
});
