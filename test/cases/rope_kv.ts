import { ropeTable } from '../../src/kernels/rope.ts';
import { ropeKv } from '../../src/kernels/rope_kv.ts';
import * as reference from '../reference/rope.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ODD } from './shapes.ts';

const MAX_POSITIONS = 300;
const NONE = 0xffffffff;

export function cases(): KernelCase[] {
  const shapes = [
    { n: 0, heads: 2, kvHeads: 1, headDim: 8 },
    ...ODD.map((n) => ({ n, heads: 2, kvHeads: 1, headDim: 8 })),
    ...[2, 4, 6, 12, 32, 64, 100].map((headDim) => ({ n: 5, heads: 4, kvHeads: 2, headDim })),
    { n: 3, heads: 9, kvHeads: 3, headDim: 64 },
  ];
  const label = (o: reference.Heads) => `N=${o.n} H=${o.heads} Hkv=${o.kvHeads} D=${o.headDim}`;
  const shared = { n: 4, heads: 2, kvHeads: 1, headDim: 8 };
  return [...shapes.map((o) => kvCase(o, label(o))), kvCase(shared, `${label(shared)} to 13 places`, 13)];
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).map(({ model, n, label }) => kvCase({ ...model, n }, label));
}

/**
 * So many places, every second row of the cache, from the last one down; they go to the rows in turn, but for one place in
 * `n` + 1, which goes to none. Where there are fewer than `n` + 1, the last row has none.
 */
export function chains(n: number, places: number): Uint32Array {
  const table = new Uint32Array(4 * Math.max(n, places)).fill(NONE);
  const last: number[] = [];
  for (let p = 0; p < places; p++) {
    const row = p % (n + 1);
    table[4 * p + 1] = 2 * (places - p) - 1;
    if (row === n || (places <= n && row === n - 1 && n > 1)) continue;
    table[4 * p] = row;
    const before = last[row];
    table[before === undefined ? 4 * row + 3 : 4 * before + 2] = p;
    last[row] = p;
  }
  return table;
}

function kvCase(o: reference.Heads, shape: string, places = o.n): KernelCase {
  const random = randomSource(o.n * 1009 + o.headDim);
  const width = 2 * o.kvHeads * o.headDim;
  const rows = 2 * places;
  const columns = o.heads * o.headDim + width;
  const table = chains(o.n, places);
  return {
    kernel: 'rope_kv',
    shape,
    inputs: {
      positions: { data: Uint32Array.from({ length: o.n }, () => random.integer(MAX_POSITIONS)), shape: [o.n] },
      table: { data: ropeTable(MAX_POSITIONS, o.headDim, 10000), shape: [MAX_POSITIONS, o.headDim / 2, 2] },
      places: { data: table, shape: [table.length / 4, 4] },
    },
    outputs: {
      qkv: { shape: [o.n, columns], initial: random.array(o.n * columns) },
      cache: { shape: [rows, width], initial: random.array(rows * width) },
    },
    run: (rec, t) => ropeKv(rec, t as never, o),
    reference: (t) => {
      const qkv = reference.rope(t.qkv as Float64Array, t.positions as Float64Array, t.table as Float64Array, o);
      return { qkv, cache: reference.kvWrite(qkv, t.places as Float64Array, t.cache as Float64Array, o) };
    },
    tolerance: { relative: 1e-6, absolute: 0 },
  };
}
