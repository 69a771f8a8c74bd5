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

/** Rows 2 and on of the parts become rows 3 and on of what is kept. */
function keepCase(n: number, widths: readonly number[], shape: string): KernelCase {
  const random = randomSource(n * 1013 + widths.length);
  const at = { n, first: 2, base: 3 };
  const stride = widths.reduce((a, b) => a + b, 0);
  const names = widths.map((_, i) => `part${i}`);
  const inputs = widths.map((width, i): [string, Input] => [
    `part${i}`,
    { data: random.array((n + 3) * width), shape: [n + 3, width] },
  ]);
  const rows = n === 0 ? 0 : n + 5;
  return {
    kernel: 'keep_rows',
    shape,
    inputs: Object.fromEntries(inputs),
    outputs: { kept: { shape: [rows, stride], initial: random.array(rows * stride) } },
    run: (rec, t) => keepRows(rec, { parts: names.map((name) => t[name] as never), kept: t.kept as never }, at),
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

/** Every second row of the parts, from the last one down, is loaded; the first entry of the table is another's. */
function loadCase(n: number, widths: readonly number[], shape: string): KernelCase {
  const random = randomSource(n * 2011 + widths.length);
  const at = { n, first: 1 };
  const stride = widths.reduce((a, b) => a + b, 0);
  const rows = 2 * n;
  const moves = [0, 0, ...Array.from({ length: n }, (_, i) => [random.integer(n + 4), rows - 1 - 2 * i]).flat()];
  const names = widths.map((_, i) => `part${i}`);
  return {
    kernel: 'load_rows',
    shape,
    inputs: {
      kept: { data: random.array((n + 4) * stride), shape: [n + 4, stride] },
      moves: { data: Uint32Array.from(moves), shape: [n + 1, 2] },
    },
    outputs: Object.fromEntries(
      widths.map((width, i) => [`part${i}`, { shape: [rows, width], initial: random.array(rows * width) }]),
    ),
    run: (rec, t, device) => {
      const spare = Array.from({ length: KEPT_PARTS - 1 }, () => device.arena.alloc([4]));
      const parts = names.map((name) => t[name] as never);
      loadRows(rec, { kept: t.kept as never, moves: t.moves as never, parts, spare }, at);
      for (const tensor of spare) device.arena.free(tensor);
    },
    reference: (t) =>
      Object.fromEntries(
        widths.map((_, i) => [
          `part${i}`,
          reference.loadRows(
            t.kept as Float64Array,
            t.moves as Float64Array,
            t[`part${i}`] as Float64Array,
            widths,
            i,
            at,
          ),
        ]),
      ),
    tolerance: { relative: 0, absolute: 0 },
  };
}
