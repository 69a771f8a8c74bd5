import { gatherRows, scatterRows } from '../../src/kernels/rows.ts';
import * as reference from '../reference/rows.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ROWS_BY_COLUMNS } from './shapes.ts';

export function cases(): KernelCase[] {
  return ROWS_BY_COLUMNS.flatMap(([r, c]) => [gatherCase(r, c, `R=${r} C=${c}`), scatterCase(r, c, `R=${r} C=${c}`)]);
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).flatMap(({ model, n, label }) => [
    gatherCase(n, model.c, label),
    scatterCase(n, model.c, label),
  ]);
}

function gatherCase(r: number, c: number, shape: string): KernelCase {
  const random = randomSource(r * 1009 + c);
  const n = 2 * r + 1;
  return {
    kernel: 'gather_rows',
    shape,
    inputs: {
      inp: { data: random.array(n * c), shape: [n, c] },
      rows: { data: Uint32Array.from({ length: r }, () => random.integer(n)), shape: [r] },
    },
    outputs: { out: { shape: [r, c] } },
    run: (rec, t) => gatherRows(rec, t as never, { r, c }),
    reference: (t) => ({ out: reference.gatherRows(t.inp as Float64Array, t.rows as Float64Array, c) }),
    tolerance: { relative: 0, absolute: 0 },
  };
}

/** Every second row, from the last one down. */
function scatterCase(r: number, c: number, shape: string): KernelCase {
  const random = randomSource(r * 2003 + c);
  const n = 2 * r;
  return {
    kernel: 'scatter_rows',
    shape,
    inputs: {
      inp: { data: random.array(r * c), shape: [r, c] },
      rows: { data: Uint32Array.from({ length: r }, (_, i) => n - 1 - 2 * i), shape: [r] },
    },
    outputs: { out: { shape: [n, c], initial: random.array(n * c) } },
    run: (rec, t) => scatterRows(rec, t as never, { r, c }),
    reference: (t) => ({
      out: reference.scatterRows(t.inp as Float64Array, t.rows as Float64Array, t.out as Float64Array, c),
    }),
    tolerance: { relative: 0, absolute: 0 },
  };
}
