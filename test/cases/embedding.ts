import type { WeightType } from '../../src/gpu/blocks.ts';
import { embedding } from '../../src/kernels/embedding.ts';
import * as reference from '../reference/rows.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ODD, ROWS_BY_COLUMNS } from './shapes.ts';
import { weightInput } from './weights.ts';

const DTYPES = ['f32', 'f16', 'bf16'] as const;

export function cases(): KernelCase[] {
  return [
    ...ROWS_BY_COLUMNS.flatMap(([n, c]) => DTYPES.map((dtype) => embeddingCase(n, c, 37, dtype))),
    // Without padding behind the last row, which would hide an id that is one too large.
    embeddingCase(9, 20, 36, 'bf16'),
    ...ODD.map((v) => embeddingCase(9, 20, v, 'bf16')),
    embeddingCase(40, 512, 37, 'q6_k'),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).map(({ model, n, label }) =>
    embeddingCase(n, model.c, Math.min(model.v, 8192), 'bf16', label),
  );
}

/** The ids include 0, the last, the first that is out of range and the largest u32. */
function embeddingCase(n: number, c: number, v: number, dtype: WeightType, label?: string): KernelCase {
  const random = randomSource(n * 1009 + c);
  const special = [v - 1, v, 0, 0xffffffff];
  const ids = Uint32Array.from({ length: n }, (_, i) => special[i] ?? random.integer(v));
  return {
    kernel: 'embedding',
    shape: `${label ?? `N=${n} C=${c} V=${v}`} ${dtype}`,
    inputs: {
      ids: { data: ids, shape: [n] },
      weight: weightInput(random, v, c, dtype),
    },
    outputs: { out: { shape: [n, c] } },
    run: (rec, t) => embedding(rec, t as never, { n, c, rows: v }),
    reference: (t) => ({ out: reference.gatherRows(t.weight as Float64Array, t.ids as Float64Array, c) }),
    tolerance: { relative: 0, absolute: 0 },
  };
}
