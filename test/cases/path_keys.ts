import { pathKeys } from '../../src/kernels/path_keys.ts';
import * as reference from '../reference/path_keys.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ODD } from './shapes.ts';

interface Shape {
  readonly m: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export function cases(): KernelCase[] {
  const shapes = [
    { m: 0, heads: 2, kvHeads: 1, headDim: 8 },
    ...ODD.map((m) => ({ m, heads: 2, kvHeads: 1, headDim: 8 })),
    ...[1, 2, 6, 16, 20, 64].map((headDim) => ({ m: 5, heads: 3, kvHeads: 1, headDim })),
    { m: 3, heads: 9, kvHeads: 3, headDim: 32 },
  ];
  return shapes.map((o) => pathCase(o, `M=${o.m} H=${o.heads} Hkv=${o.kvHeads} D=${o.headDim}`));
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).map(({ model, n, label }) => pathCase({ ...model, m: n }, label));
}

/** Rows in no order, some of them more than once, some never. */
function pathCase(o: Shape, shape: string): KernelCase {
  const random = randomSource(o.m * 1013 + o.headDim);
  const n = Math.ceil(o.m / 2) + 1;
  const width = 2 * o.kvHeads * o.headDim;
  const columns = o.heads * o.headDim + width;
  return {
    kernel: 'path_keys',
    shape,
    inputs: {
      qkv: { data: random.array(n * columns), shape: [n, columns] },
      paths: { data: Uint32Array.from({ length: o.m }, () => random.integer(n)), shape: [o.m] },
    },
    outputs: { out: { shape: [o.m, width] } },
    run: (rec, t) => pathKeys(rec, t as never, o),
    reference: (t) => ({ out: reference.pathKeys(t.qkv as Float64Array, t.paths as Float64Array, o) }),
    tolerance: { relative: 0, absolute: 0 },
  };
}
