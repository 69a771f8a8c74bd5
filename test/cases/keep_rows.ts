import { keepRows } from '../../src/kernels/keep_rows.ts';
import * as reference from '../reference/keep_rows.ts';
import { type KernelCase, randomSource } from './case.ts';
import { modelRows, ROWS_BY_COLUMNS } from './shapes.ts';

export function cases(): KernelCase[] {
  return ROWS_BY_COLUMNS.map(([n, c]) => keepCase(n, c, `N=${n} C=${c}`));
}

export function benchCases(): KernelCase[] {
  return modelRows().map(({ model, n, label }) => keepCase(n, model.c, label));
}

/** Rows become the rows 3 and on of what is kept. */
function keepCase(n: number, c: number, shape: string): KernelCase {
  const random = randomSource(n * 1013 + c);
  const base = 3;
  const rows = n === 0 ? 0 : n + 5;
  return {
    kernel: 'keep_rows',
    shape,
    inputs: {
      inp: { data: random.array(n * c), shape: [n, c] },
      base: { data: Uint32Array.of(base), shape: [1] },
    },
    outputs: { kept: { shape: [rows, c], initial: random.array(rows * c) } },
    run: (rec, t) => keepRows(rec, t as never, { n, c }),
    reference: (t) => ({ kept: reference.keepRows(t.inp as Float64Array, t.kept as Float64Array, base * c) }),
    tolerance: { relative: 0, absolute: 0 },
  };
}
