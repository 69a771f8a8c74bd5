import { f32ToF16 } from '../../src/gpu/floats.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { kvWrite } from '../../src/kernels/kv_write.ts';
import * as reference from '../reference/rope.ts';
import { type KernelCase, randomSource } from './case.ts';
import { modelRows, ODD } from './shapes.ts';

export function cases(): KernelCase[] {
  const shapes = [
    { n: 0, heads: 2, kvHeads: 1, headDim: 8 },
    ...ODD.map((n) => ({ n, heads: 2, kvHeads: 1, headDim: 8 })),
    ...[1, 2, 6, 17, 32, 64].map((headDim) => ({ n: 5, heads: 3, kvHeads: 1, headDim })),
    { n: 3, heads: 9, kvHeads: 3, headDim: 64 },
  ];
  const label = (o: reference.Heads) => `N=${o.n} H=${o.heads} Hkv=${o.kvHeads} D=${o.headDim}`;
  const halves = shapes.filter((o) => o.headDim % 4 === 0);
  const shared = { n: 4, heads: 2, kvHeads: 1, headDim: 8 };
  return [
    ...shapes.map((o) => kvCase(o, label(o))),
    ...halves.map((o) => halfCase(o, label(o))),
    ...[kvCase, halfCase].map((make) => make(shared, `${label(shared)} to 13 places`, 13)),
    kvCase({ ...shared, n: 0 }, 'N=0 to 3 places', 3),
  ];
}

export function benchCases(): KernelCase[] {
  return modelRows().map(({ model, n, label }) => kvCase({ ...model, n }, label));
}

/** So many places: every second row of the cache, from the last one down, and the rows in turn, but for one place in `n` + 1. */
function kvCase(o: reference.Heads, shape: string, places = o.n): KernelCase {
  const random = randomSource(o.n * 1009 + o.headDim);
  const width = 2 * o.kvHeads * o.headDim;
  const rows = 2 * places;
  const columns = o.heads * o.headDim + width;
  return {
    kernel: 'kv_write',
    shape,
    inputs: {
      qkv: { data: random.array(o.n * columns), shape: [o.n, columns] },
      places: {
        data: Uint32Array.from({ length: 2 * places }, (_, i) => {
          const place = i >> 1;
          if (i % 2 === 1) return rows - 1 - 2 * place;
          return place % (o.n + 1) === o.n ? 0xffffffff : place % (o.n + 1);
        }),
        shape: [places, 2],
      },
    },
    outputs: { cache: { shape: [rows, width], initial: random.array(rows * width) } },
    run: (rec, t) => kvWrite(rec, t as never, { ...o, places }),
    reference: (t) => ({
      cache: reference.kvWrite(t.qkv as Float64Array, t.places as Float64Array, t.cache as Float64Array, o),
    }),
    tolerance: { relative: 0, absolute: 0 },
  };
}

/** A cache of f16, and numbers that it cannot hold. */
function halfCase(o: reference.Heads, shape: string, places = o.n): KernelCase {
  const whole = kvCase(o, shape, places);
  const qkv = whole.inputs.qkv?.data as Float32Array;
  if (qkv.length > 0) qkv.set([1e9, -1e9, 65504, 1e-7], qkv.length - 4);
  const [rows, width] = [2 * places, 2 * o.kvHeads * o.headDim];
  const words = Uint32Array.from({ length: (rows * width) / 2 }, (_, i) => (i * 2654435761) >>> 0);
  const rounded = (x: number) => f32ToF16(Math.max(-65504, Math.min(65504, x)));
  return {
    ...whole,
    shape: `${shape} f16`,
    outputs: { cache: { shape: [rows, width / 2], dtype: 'u32', initial: words } },
    run: (rec, t) => kvWrite(rec, { ...t, cache: { ...(t.cache as Tensor), dtype: 'f16' } } as never, { ...o, places }),
    reference: (t) => {
      const untouched = new Float64Array(rows * width).fill(Number.NaN);
      const cache = reference.kvWrite(t.qkv as Float64Array, t.places as Float64Array, untouched, o);
      const before = new Uint16Array(words.buffer);
      const halves = Uint16Array.from(cache, (x, i) => (Number.isNaN(x) ? (before[i] as number) : rounded(x)));
      return { cache: Float64Array.from(new Uint32Array(halves.buffer)) };
    },
  };
}
