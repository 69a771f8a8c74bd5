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
  return shapes.map((o) => kvCase(o, `N=${o.n} H=${o.heads} Hkv=${o.kvHeads} D=${o.headDim}`));
}

export function benchCases(): KernelCase[] {
  return modelRows().map(({ model, n, label }) => kvCase({ ...model, n }, label));
}

/** Every second row of the cache, from the last one down. */
function kvCase(o: reference.Heads, shape: string): KernelCase {
  const random = randomSource(o.n * 1009 + o.headDim);
  const width = 2 * o.kvHeads * o.headDim;
  const rows = 2 * o.n;
  const columns = o.heads * o.headDim + width;
  return {
    kernel: 'kv_write',
    shape,
    inputs: {
      qkv: { data: random.array(o.n * columns), shape: [o.n, columns] },
      dest: { data: Uint32Array.from({ length: o.n }, (_, i) => rows - 1 - 2 * i), shape: [o.n] },
    },
    outputs: { cache: { shape: [rows, width], initial: random.array(rows * width) } },
    run: (rec, t) => kvWrite(rec, t as never, o),
    reference: (t) => ({
      cache: reference.kvWrite(t.qkv as Float64Array, t.dest as Float64Array, t.cache as Float64Array, o),
    }),
    tolerance: { relative: 0, absolute: 0 },
  };
}
