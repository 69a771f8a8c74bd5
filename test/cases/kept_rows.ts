import { KEPT_PARTS, keepRows, loadRows } from '../../src/kernels/kept_rows.ts';
import * as reference from '../reference/kept_rows.ts';
import { type Input, type KernelCase, randomSource } from './case.ts';
import { MODELS } from './shapes.ts';

const WIDTHS = [[12], [8, 260, 4], [128, 256, 128, 128, 768, 12], [1], [1, 9, 1], [3, 17, 4, 1, 65, 2]] as const;

export function cases(): KernelCase[] {
  return WIDTHS.flatMap((widths) =>
    [0, 1, 37].flatMap((n) => [keepCase(n, widths, label(n, widths)), loadCase(n, widths, label(n, widths))]),
  );
}

/** What a layer leaves for its gradient, of a decoding pass and of many packed rows. */
export function benchCases(): KernelCase[] {
  return MODELS.flatMap(({ name, c, f, heads, kvHeads, headDim }) => {
    const widths = [c, (heads + 2 * kvHeads) * headDim, heads * headDim, c, 2 * f];
    return [64, 1024].flatMap((n) => [keepCase(n, widths, `${name} N=${n}`), loadCase(n, widths, `${name} N=${n}`)]);
  });
}

function label(n: number, widths: readonly number[]): string {
  return `N=${n} of ${widths.join('+')}`;
}

/** Rows of the parts become rows 3 and on of what is kept. */
function keepCase(n: number, widths: readonly number[], shape: string): KernelCase {
  const random = randomSource(n * 1013 + widths.length);
  const at = { n, base: 3 };
  const stride = widths.reduce((a, b) => a + b, 0);
  const names = widths.map((_, i) => `part${i}`);
  const inputs = widths.map((width, i): [string, Input] => [
    `part${i}`,
    { data: random.array(n * width), shape: [n, width] },
  ]);
  const rows = n === 0 ? 0 : n + 5;
  return {
    kernel: 'keep_rows',
    shape,
    inputs: { ...Object.fromEntries(inputs), base: { data: Uint32Array.of(at.base), shape: [1] } },
    outputs: { kept: { shape: [rows, stride], initial: random.array(rows * stride) } },
    run: (rec, t) => {
      const parts = names.map((name) => t[name] as never);
      keepRows(rec, { parts, kept: t.kept as never, base: t.base as never }, { n });
    },
    reference: (t) => ({
      kept: reference.keepRows(
        widths.map((width, i) => ({ data: t[`part${i}`] as Float64Array, width })),
        t.kept as Float64Array,
        at,
      ),
    }),
    tolerance: { relative: 0, absolute: 0 },
  };
}

/** Rows in any order, some of them twice. */
function loadCase(n: number, widths: readonly number[], shape: string): KernelCase {
  const random = randomSource(n * 2011 + widths.length);
  const stride = widths.reduce((a, b) => a + b, 0);
  const names = widths.map((_, i) => `part${i}`);
  return {
    kernel: 'load_rows',
    shape,
    inputs: {
      kept: { data: random.array((n + 4) * stride), shape: [n + 4, stride] },
      rows: { data: Uint32Array.from({ length: n }, () => random.integer(n + 4)), shape: [n] },
    },
    outputs: Object.fromEntries(widths.map((width, i) => [`part${i}`, { shape: [n, width] }])),
    run: (rec, t, device) => {
      const spare = Array.from({ length: KEPT_PARTS - 1 }, () => device.arena.alloc([4]));
      const parts = names.map((name) => t[name] as never);
      loadRows(rec, { kept: t.kept as never, rows: t.rows as never, parts, spare }, { n });
      for (const tensor of spare) device.arena.free(tensor);
    },
    reference: (t) =>
      Object.fromEntries(
        widths.map((_, i) => [
          `part${i}`,
          reference.loadRows(t.kept as Float64Array, t.rows as Float64Array, widths, i),
        ]),
      ),
    tolerance: { relative: 0, absolute: 0 },
  };
}
