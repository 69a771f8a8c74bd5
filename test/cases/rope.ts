import { rope, ropeTable } from '../../src/kernels/rope.ts';
import * as reference from '../reference/rope.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ODD } from './shapes.ts';

const MAX_POSITIONS = 300;

export function cases(): KernelCase[] {
  const shapes = [
    { n: 0, heads: 2, kvHeads: 1, headDim: 8 },
    ...ODD.map((n) => ({ n, heads: 2, kvHeads: 1, headDim: 8 })),
    ...[2, 4, 6, 8, 10, 12, 32, 64, 80, 128].map((headDim) => ({ n: 5, heads: 3, kvHeads: 1, headDim })),
    { n: 3, heads: 4, kvHeads: 2, headDim: 32 },
    { n: 3, heads: 9, kvHeads: 3, headDim: 64 },
    { n: 3, heads: 3, kvHeads: 3, headDim: 16 },
  ];
  return shapes.flatMap((o) => {
    const shape = `N=${o.n} H=${o.heads} Hkv=${o.kvHeads} D=${o.headDim}`;
    return [ropeCase(o, shape), ropeCase({ ...o, inverse: true }, `${shape} inverse`)];
  });
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).map(({ model, n, label }) => ropeCase({ ...model, n }, label));
}

function ropeCase(o: reference.Heads & { inverse?: boolean }, shape: string): KernelCase {
  const random = randomSource(o.n * 1009 + o.headDim);
  const columns = (o.heads + 2 * o.kvHeads) * o.headDim;
  const positions = Uint32Array.from({ length: o.n }, () => random.integer(MAX_POSITIONS));
  return {
    kernel: 'rope',
    shape,
    inputs: {
      positions: { data: positions, shape: [o.n] },
      table: { data: ropeTable(MAX_POSITIONS, o.headDim, 10000), shape: [MAX_POSITIONS, o.headDim / 2, 2] },
    },
    outputs: { qkv: { shape: [o.n, columns], initial: random.array(o.n * columns) } },
    run: (rec, t) => rope(rec, t as never, o),
    reference: (t) => ({
      qkv: reference.rope(t.qkv as Float64Array, t.positions as Float64Array, t.table as Float64Array, o),
    }),
    tolerance: { relative: 1e-6, absolute: 0 },
  };
}
