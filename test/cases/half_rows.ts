import { gatherHalfRows, storeHalfRows } from '../../src/kernels/half_rows.ts';
import { half } from '../reference/half_rows.ts';
import * as reference from '../reference/rows.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows } from './shapes.ts';

export function cases(): KernelCase[] {
  const shapes = [
    [0, 8],
    [1, 4],
    [3, 64],
    [17, 12],
    [65, 260],
  ] as const;
  return shapes.map(([n, c]) => packedCase(n, c, `N=${n} C=${c}`));
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).map(({ model, n, label }) => packedCase(n, model.c, label));
}

/** Rounded, and taken back in another order. Numbers beyond f16's largest and below its smallest are among them. */
function packedCase(n: number, c: number, shape: string): KernelCase {
  const random = randomSource(n * 1019 + c);
  const inp = random.array(n * c).map((x, i) => Math.fround(i % 7 === 3 ? x * 2 ** (18 * random.next()) : x));
  inp.set([1e6, -65519, 1e-9, -0.00003, 65504, -2049].slice(0, inp.length));
  const rows = Uint32Array.from({ length: n }, () => (n > 0 ? random.integer(n) : 0));
  return {
    kernel: 'gather_half_rows',
    shape,
    inputs: { inp: { data: inp, shape: [n, c] }, rows: { data: rows, shape: [n] } },
    outputs: { out: { shape: [n, c] }, beyond: { shape: [1], dtype: 'u32', initial: new Uint32Array(1) } },
    run: (rec, t) => {
      const { arena } = rec.device;
      const packed = arena.alloc([n, c], 'f16', 'packed');
      storeHalfRows(rec, { inp: t.inp as never, out: packed, beyond: t.beyond as never }, { n, c });
      gatherHalfRows(rec, { inp: packed, rows: t.rows as never, out: t.out as never }, { r: n, c });
      arena.free(packed);
    },
    reference: (t) => ({
      out: reference.gatherRows((t.inp as Float64Array).map(half), t.rows as Float64Array, c),
      beyond: Float64Array.of((t.inp as Float64Array).some((x) => Math.abs(x) > 65504) ? 1 : 0),
    }),
    // WGSL leaves the direction of rounding to the device: one unit of f16, of its subnormal numbers the smallest.
    tolerance: { relative: 2 ** -10, absolute: 2 ** -24 },
  };
}
