import type { WeightType } from '../../src/gpu/blocks.ts';
import { headBackward, headFinish, headPick, headUpdate } from '../../src/kernels/head.ts';
import type { RowLayout } from '../../src/kernels/row_layout.ts';
import * as reference from '../reference/head.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, ODD } from './shapes.ts';
import { weightInput } from './weights.ts';

export function cases(): KernelCase[] {
  return [
    ...[0, ...ODD].map((pairs) => pickCase(pairs, 65)),
    ...[0, ...ODD].map((rows) => updateCase(rows, 65, { keep: true, earlier: 20 })),
    ...ODD.map((vt) => updateCase(5, vt, { keep: true })),
    ...ODD.map((vt) => updateCase(5, vt, { keep: true, earlier: 7 })),
    updateCase(5, 257, { keep: false }),
    updateCase(5, 257, { keep: false, earlier: 64 }),
    updateCase(3, 8192, { keep: true, earlier: 64 }),
    updateCase(7, 63, { keep: true, earlier: 64, masked: true }),
    updateCase(7, 63, { keep: true, earlier: 64, offset: 1000 }),
    ...(['workgroup', 'four'] as const).flatMap((layout) => [
      ...ODD.map((vt) => updateCase(5, vt, { keep: true, layout })),
      updateCase(3, 8192, { keep: true, earlier: 64, layout }),
    ]),
    finishCase(0, 0),
    finishCase(3, 1),
    finishCase(1, 3),
    finishCase(65, 257),
    finishCase(257, 63),
    ...[0, ...ODD].map((rows) => backwardCase(rows, 12, 131, 'f32')),
    ...ODD.map((c) => backwardCase(5, c, 17, 'bf16')),
    ...(['f32', 'f16', 'bf16'] as const).map((dtype) => backwardCase(9, 128, 131, dtype)),
    backwardCase(5, 256, 37, 'q4_k'),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return models.flatMap(({ c, v }) =>
    [64, 1024].flatMap((rows) => [
      updateCase(rows, Math.min(v, 8192), { keep: true }),
      updateCase(rows, Math.min(v, 8192), { keep: false }),
      backwardCase(rows, c, Math.min(v, 8192), 'bf16'),
    ]),
  );
}

/** Pairs over `rows` rows, sorted by row; some rows have none, some have many. */
export function randomPairs(
  rows: number,
  v: number,
  seed: number,
): { rows: Uint32Array; targets: Uint32Array; start: Uint32Array } {
  const random = randomSource(seed);
  const of: number[] = [];
  const start = [0];
  for (let r = 0; r < rows; r++) {
    const many = r % 5 === 2 ? 6 : random.integer(3);
    for (let i = 0; i < many; i++) of.push(r);
    start.push(of.length);
  }
  return {
    rows: Uint32Array.from(of),
    targets: Uint32Array.from(of, () => random.integer(v)),
    start: Uint32Array.from(start),
  };
}

function pickCase(pairs: number, vt: number): KernelCase {
  const random = randomSource(pairs + vt);
  const rows = 9;
  const o = { pairs, v0: 60, vt, stride: Math.ceil(vt / 4) * 4 };
  const pairRows = Uint32Array.from({ length: pairs }, () => random.integer(rows));
  // Targets before, in and behind the tile; its first and last column among them.
  const targets = Uint32Array.from({ length: pairs }, (_, p) => [59, 60, 59 + vt, 60 + vt][p] ?? random.integer(200));
  return {
    kernel: 'head_pick',
    shape: `P=${pairs} V=${vt}`,
    inputs: {
      logits: { data: random.array(rows * o.stride), shape: [rows, o.stride] },
      rows: { data: pairRows, shape: [pairs] },
      targets: { data: targets, shape: [pairs] },
    },
    outputs: { picked: { shape: [pairs], initial: random.array(pairs) } },
    run: (rec, t) => headPick(rec, t as never, o),
    reference: (t) => ({
      picked: reference.headPick(t.logits as Float64Array, { rows: pairRows, targets }, t.picked as Float64Array, o),
    }),
    tolerance: { relative: 0, absolute: 0 },
  };
}

function updateCase(
  rows: number,
  vt: number,
  o: { keep: boolean; earlier?: number; masked?: boolean; offset?: number; layout?: RowLayout },
): KernelCase {
  const { keep, earlier: earlierColumns = 0, offset = 0 } = o;
  const random = randomSource(rows * 31 + vt + earlierColumns);
  const stride = Math.ceil(vt / 4) * 4 + 4;
  const value = () => Math.fround(offset + (o.masked && random.next() < 0.5 ? -1e30 : 8 * random.next()));
  const logits = Float32Array.from({ length: rows * stride }, value);
  const earlier = Float64Array.from({ length: rows * earlierColumns }, value);
  const before = reference.headUpdate(earlier, new Float64Array(), {
    rows,
    vt: earlierColumns,
    stride: earlierColumns,
    earlierColumns: 0,
    keep: false,
  });
  const first = earlierColumns === 0;
  return {
    kernel: 'head_update',
    shape: `R=${rows} V=${vt}${first ? '' : ` after ${earlierColumns}`}${keep ? ' keep' : ''}${o.masked ? ' masked' : ''}${offset ? ` +${offset}` : ''}${o.layout ? ` ${o.layout}` : ''}`,
    inputs: {},
    outputs: {
      logits: { shape: [rows, stride], initial: logits },
      // Of the first tile nothing is read: sentinels stand there.
      stats: { shape: [rows, 4], ...(!first && { initial: Float32Array.from(before.stats) }) },
      rescale: { shape: [rows] },
    },
    run: (rec, t) =>
      headUpdate(rec, t as never, {
        rows,
        vt,
        stride,
        first,
        keepProbabilities: keep,
        ...(o.layout && { layout: o.layout }),
      }),
    reference: (t) =>
      reference.headUpdate(t.logits as Float64Array, earlier, { rows, vt, stride, earlierColumns, keep }),
    tolerance: { relative: 2e-6, absolute: 2e-6 },
  };
}

function finishCase(pairs: number, rows: number): KernelCase {
  const random = randomSource(pairs * 3 + rows);
  const stats = Float32Array.from({ length: 4 * rows }, (_, i) => [5, 60, -40, 1][i % 4]! * (1 + 0.5 * random.next()));
  const pairRows = Uint32Array.from({ length: pairs }, () => random.integer(rows));
  return {
    kernel: 'head_finish',
    shape: `P=${pairs} R=${rows}`,
    inputs: {
      stats: { data: stats, shape: [rows, 4] },
      rows: { data: pairRows, shape: [pairs] },
      picked: { data: random.array(pairs, 8), shape: [pairs] },
    },
    outputs: { logp: { shape: [pairs] }, entropy: { shape: [rows] } },
    run: (rec, t) => headFinish(rec, t as never, { pairs, rows }),
    reference: (t) => reference.headFinish(t.stats as Float64Array, pairRows, t.picked as Float64Array, rows),
    tolerance: { relative: 1e-6, absolute: 1e-6 },
  };
}

function backwardCase(rows: number, c: number, v: number, dtype: WeightType): KernelCase {
  const random = randomSource(rows * 131 + c);
  const pairs = randomPairs(rows, v, rows + c);
  const o = { rows, c, vocab: v, invTemperature: 1.25 };
  const stats = Float32Array.from({ length: 4 * rows }, () => 2 + random.next());
  return {
    kernel: 'head_backward',
    shape: `R=${rows} C=${c} V=${v} ${dtype}`,
    inputs: {
      acc: { data: random.array(rows * c), shape: [rows, c] },
      stats: { data: stats, shape: [rows, 4] },
      pairStart: { data: pairs.start, shape: [rows + 1] },
      targets: { data: pairs.targets, shape: [pairs.targets.length] },
      coef: { data: random.array(pairs.rows.length), shape: [pairs.rows.length] },
      weight: weightInput(random, v, c, dtype),
    },
    outputs: { dhidden: { shape: [rows, c] } },
    run: (rec, t) => headBackward(rec, t as never, o),
    reference: (t) => ({ dhidden: reference.headBackward(t as never, pairs, o) }),
    tolerance: { relative: 1e-6, absolute: 1e-6 },
  };
}
