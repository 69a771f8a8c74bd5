import type { RowLayout } from '../../src/kernels/row_layout.ts';
import { topK } from '../../src/kernels/top_k.ts';
import * as reference from '../reference/top_k.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, ODD } from './shapes.ts';

interface Options {
  readonly layout?: RowLayout;
  /** Logits of few different values. */
  readonly tied?: boolean;
  readonly masked?: boolean;
}

export function cases(): KernelCase[] {
  return [
    ...[0, ...ODD].map((rows) => topCase(rows, 65, 10)),
    ...ODD.map((v) => topCase(5, v, Math.min(v, 7))),
    ...([undefined, 'workgroup', 'four'] as const).flatMap((layout) => [
      topCase(5, 257, 10, { layout }),
      topCase(3, 1030, 10, { layout, tied: true }),
      topCase(3, 9, 9, { layout, tied: true }),
      topCase(3, 600, 4, { layout, masked: true }),
    ]),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return models.map(({ v }) => topCase(64, v, 10));
}

function topCase(rows: number, v: number, k: number, { layout, tied, masked }: Options = {}): KernelCase {
  // The columns behind the vocabulary hold more than all others: they do not count.
  const stride = Math.ceil(v / 4) * 4;
  const o = { rows, v, stride, k };
  const random = randomSource(rows * 17 + v);
  const logits = random.array(rows * stride, 20);
  if (tied) for (const [i, x] of logits.entries()) logits[i] = Math.round(x / 20);
  if (masked) for (const i of logits.keys()) if (i % 3 > 0) logits[i] = Number.NEGATIVE_INFINITY;
  for (let r = 0; r < rows; r++) logits.fill(1e4, r * stride + v, (r + 1) * stride);
  return {
    kernel: 'top_k',
    shape: `R=${rows} V=${v} K=${k}${tied ? ' tied' : ''}${masked ? ' masked' : ''}${layout ? ` ${layout}` : ''}`,
    inputs: { logits: { data: logits, shape: [rows, stride] } },
    outputs: { ids: { shape: [rows, k], dtype: 'u32' } },
    run: (rec, t) => topK(rec, t as never, { ...o, ...(layout && { layout }) }),
    reference: (t) => ({ ids: reference.topK(t.logits as Float64Array, o) }),
  };
}
