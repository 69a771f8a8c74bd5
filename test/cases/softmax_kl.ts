import type { RowLayout } from '../../src/kernels/row_layout.ts';
import { softmaxKl } from '../../src/kernels/softmax_kl.ts';
import * as reference from '../reference/softmax_kl.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, ODD } from './shapes.ts';

export function cases(): KernelCase[] {
  return [
    ...[0, ...ODD].map((rows) => klCase(rows, 65)),
    ...ODD.map((v) => klCase(5, v)),
    ...(['workgroup', 'four'] as const).flatMap((layout) => [klCase(5, 257, { layout }), klCase(3, 1030, { layout })]),
    klCase(5, 257, { offset: 1000 }),
    klCase(5, 257, { same: true }),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return models.map(({ v }) => klCase(64, v));
}

function klCase(
  rows: number,
  v: number,
  { layout, offset = 0, same = false }: { layout?: RowLayout; offset?: number; same?: boolean } = {},
): KernelCase {
  const stride = Math.ceil(v / 4) * 4;
  const o = { rows, v, stride };
  const random = randomSource(rows * 19 + v);
  const logits = random.array(rows * stride, 6).map((x) => x + offset);
  const other = same ? logits : logits.map((x) => x + 2 * random.next());
  // The columns behind the vocabulary hold more than all others: they do not count.
  for (const each of [logits, other]) for (let r = 0; r < rows; r++) each.fill(1e4, r * stride + v, (r + 1) * stride);
  const stats = (of: Float32Array) => ({
    data: Float32Array.from(reference.statsOf(Float64Array.from(of), o)),
    shape: [rows, 4],
  });
  return {
    kernel: 'softmax_kl',
    shape: `R=${rows} V=${v}${offset ? ' large logits' : ''}${same ? ' of equals' : ''}${layout ? ` ${layout}` : ''}`,
    inputs: {
      logits: { data: logits, shape: [rows, stride] },
      other: { data: other, shape: [rows, stride] },
      stats: stats(logits),
      otherStats: stats(other),
    },
    outputs: { kl: { shape: [rows] } },
    run: (rec, t) => softmaxKl(rec, t as never, { ...o, ...(layout && { layout }) }),
    reference: (t) => ({ kl: reference.softmaxKl(t.logits as Float64Array, t.other as Float64Array, o) }),
    tolerance: { relative: 1e-5, absolute: 3e-6 },
  };
}
