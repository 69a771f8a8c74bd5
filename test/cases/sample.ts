import type { RowLayout } from '../../src/kernels/row_layout.ts';
import { sample } from '../../src/kernels/sample.ts';
import * as reference from '../reference/sample.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS } from './shapes.ts';

interface Options {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  /** Logits are uniform in ±scale. */
  readonly scale?: number;
  /** Every logit but those of a few tokens is -1e30. */
  readonly masked?: boolean;
  /** Logits are rounded to multiples of 1/4, so that many are equal. */
  readonly ties?: boolean;
  /** One logit of every other row is this. */
  readonly broken?: number;
  /** Slots draw from any row, several from the same; one in three draws nothing. */
  readonly shared?: boolean;
  /** Instead of the adapter's own. */
  readonly layout?: RowLayout;
}

/** In place of the row of a slot that draws nothing. */
const NO_ROW = 0xffffffff;
/** In place of the token of a row with a logit that is NaN or +inf. */
const NO_TOKEN = 0xffffffff;

export function cases(): KernelCase[] {
  return [
    sampleCase(0, 512),
    ...[1, 3, 17, 63, 65, 257, 512].map((v) => sampleCase(17, v)),
    ...[1, 3, 65].map((rows) => sampleCase(rows, 131)),
    sampleCase(3, 49152),
    sampleCase(2, 200000),
    sampleCase(5, 257, { temperature: 0 }),
    sampleCase(5, 257, { temperature: 0, ties: true }),
    sampleCase(2, 49152, { temperature: 0, ties: true }),
    sampleCase(9, 257, { temperature: 0.2 }),
    sampleCase(9, 131, { temperature: 0.01 }),
    sampleCase(9, 257, { temperature: 3 }),
    sampleCase(33, 257, { masked: true }),
    sampleCase(5, 257, { masked: true, temperature: 0.2, topK: 40, topP: 0.9 }),
    sampleCase(5, 257, { scale: 300 }),
    ...[Number.POSITIVE_INFINITY, Number.NaN, Number.NEGATIVE_INFINITY].flatMap((broken) => [
      sampleCase(5, 131, { broken }),
      sampleCase(5, 131, { broken, temperature: 0 }),
      sampleCase(5, 131, { broken, topK: 30, topP: 0.5 }),
    ]),
    sampleCase(33, 257, { topK: 1 }),
    sampleCase(33, 257, { topK: 40 }),
    sampleCase(33, 257, { topK: 40, ties: true }),
    sampleCase(33, 257, { topK: 256 }),
    sampleCase(33, 257, { topK: 999 }),
    sampleCase(33, 512, { topP: 0.9 }),
    sampleCase(33, 512, { topP: 0.9, ties: true }),
    sampleCase(33, 512, { topP: 1e-6 }),
    sampleCase(33, 512, { topK: 30, topP: 0.5, temperature: 0.7 }),
    sampleCase(2, 49152, { topK: 50, topP: 0.95 }),
    sampleCase(3, 1, { topK: 1, topP: 0.5 }),
    sampleCase(3, 3, { topK: 2, topP: 0.5 }),
    sampleCase(17, 257, { shared: true }),
    sampleCase(9, 131, { shared: true, topK: 30, topP: 0.5 }),
    ...(['workgroup', 'four'] as const).flatMap((layout) => [
      sampleCase(5, 257, { layout, shared: true }),
      ...[1, 3, 257, 5000].map((v) => sampleCase(5, v, { layout })),
      sampleCase(5, 5000, { layout, temperature: 0, ties: true }),
      sampleCase(5, 5000, { layout, topK: 30, topP: 0.5, temperature: 0.7 }),
      sampleCase(5, 257, { layout, masked: true, topK: 30, topP: 0.5 }),
    ]),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return models.flatMap(({ v }) => [sampleCase(64, v), sampleCase(64, v, { topK: 50, topP: 0.95 })]);
}

function sampleCase(rows: number, v: number, o: Options = {}): KernelCase {
  const { temperature = 1, topK = 0, topP = 1, scale = 5 } = o;
  const random = randomSource(rows * 7919 + v + topK);
  const stride = Math.ceil(v / 4) * 4;
  // What stands behind the vocabulary's end is larger than any logit: it must not be seen.
  const logits = new Float32Array(rows * stride).fill(1e4);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < v; i++) {
      let l = scale * random.next();
      if (o.ties) l = Math.round(4 * l) / 4;
      if (o.masked && random.next() < 0.9 && i !== v >> 1) l = -1e30;
      logits[r * stride + i] = l;
    }
    if (o.broken !== undefined && r % 2 === 0) logits[r * stride + random.integer(v)] = o.broken;
  }
  const control = new Uint32Array(4 * rows);
  const floats = new Float32Array(control.buffer);
  const counters = new Uint32Array(4 * rows);
  for (let r = 0; r < rows; r++) {
    floats[4 * r] = temperature;
    control[4 * r + 1] = topK;
    floats[4 * r + 2] = topP;
    counters.set([7, r, r % 3, 0xfffffff0 + r], 4 * r);
  }
  const places = Uint32Array.from({ length: 4 * rows }, (_, i) => i >> 2);
  if (o.shared) for (let s = 0; s < rows; s++) places[4 * s] = s % 3 === 1 ? NO_ROW : (s * 3) % Math.ceil(rows / 2);
  const key: [number, number] = [0x89abcdef, 0];
  const label = Object.entries(o).map(([name, value]) => `${name}=${value}`);
  return {
    kernel: 'sample',
    shape: [`R=${rows} V=${v}`, ...label].join(' '),
    inputs: {
      logits: { data: logits, shape: [rows, stride] },
      places: { data: places, shape: [rows, 4] },
      control: { data: control, shape: [rows, 4] },
      counters: { data: counters, shape: [rows, 4] },
    },
    outputs: {
      tokens: { shape: [rows], dtype: 'u32', initial: new Uint32Array(rows).fill(77) },
      logp: { shape: [rows], initial: new Float32Array(rows).fill(7) },
      entropy: { shape: [rows], initial: new Float32Array(rows).fill(7) },
    },
    run: (rec, t) =>
      sample(rec, t as never, {
        count: rows,
        v,
        stride,
        key0: key[0],
        key1: key[1],
        ...(o.layout && { layout: o.layout }),
      }),
    reference: (t) => {
      const settings = Array.from({ length: rows }, (_, r) => ({
        temperature: Math.fround(temperature),
        topK,
        topP: Math.fround(topP),
        counter: Array.from((t.counters as Float64Array).slice(4 * r, 4 * r + 4)),
      }));
      const own = new Float64Array(rows * stride);
      for (let s = 0; s < rows; s++) {
        const from = (places[4 * s] as number) * stride;
        if (places[4 * s] !== NO_ROW) own.set((t.logits as Float64Array).subarray(from, from + stride), s * stride);
      }
      const lacks = (s: number) =>
        own.subarray(s * stride, s * stride + v).some((l) => Number.isNaN(l) || l === Number.POSITIVE_INFINITY);
      const broken = Array.from({ length: rows }, (_, s) => s).filter(lacks);
      for (const s of broken) own.fill(0, s * stride, s * stride + v);
      const drawn = reference.sample(own, settings, { v, stride, key });
      for (const s of broken) {
        drawn.tokens[s] = NO_TOKEN;
        for (const values of [drawn.logp, drawn.entropy]) values[s] = 0;
      }
      for (let s = 0; s < rows; s++) {
        if (places[4 * s] !== NO_ROW) continue;
        drawn.tokens[s] = 77;
        for (const values of [drawn.logp, drawn.entropy]) values[s] = 7;
      }
      return drawn;
    },
    tolerance: { relative: 4e-6, absolute: 4e-6 },
  };
}
