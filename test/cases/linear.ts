import { isQuantised, WEIGHT_TYPES, type WeightType } from '../../src/gpu/blocks.ts';
import type { Device } from '../../src/gpu/device.ts';
import { linear, linearBackward } from '../../src/kernels/linear.ts';
import { LINEAR_VARIANTS, type LinearVariant } from '../../src/kernels/linear_variants.ts';
import * as reference from '../reference/linear.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS } from './shapes.ts';
import { weightInput } from './weights.ts';

export interface LinearCase {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype?: WeightType;
  readonly bias?: boolean;
  readonly accumulate?: boolean;
  readonly rowScale?: boolean;
  readonly scale?: number;
  /** Blocks of rows that the weight has before the first one used, and after the last. */
  readonly firstBlockRow?: number;
  readonly blockRowsAfter?: number;
  /** Stride and offset of the matrix with n columns. */
  readonly stride?: number;
  readonly offset?: number;
  readonly variant?: LinearVariant;
}

const ALIGNED: readonly LinearCase[] = [
  ...[1, 3, 4, 5, 9, 17, 63, 65, 257].map((m) => ({ m, n: 68, k: 20 })),
  ...[31, 65].map((m) => ({ m, n: 72, k: 24 })),
  { m: 17, n: 4, k: 4 },
  { m: 7, n: 128, k: 384 },
  { m: 1, n: 80, k: 48 },
  { m: 2, n: 132, k: 260 },
  { m: 21, n: 64, k: 64, dtype: 'f16' },
  { m: 21, n: 64, k: 64, dtype: 'f32' },
  { m: 21, n: 72, k: 64, scale: 0.625 },
];

const FORWARD_ALIGNED: readonly LinearCase[] = [
  { m: 21, n: 64, k: 64, bias: true },
  { m: 21, n: 64, k: 64, accumulate: true },
  { m: 6, n: 64, k: 64, accumulate: true, bias: true, scale: 0.5 },
  { m: 9, n: 48, k: 32, firstBlockRow: 5, blockRowsAfter: 3, stride: 96, offset: 24, accumulate: true },
  { m: 5, n: 131, k: 64, stride: 132 },
  { m: 33, n: 68, k: 256, dtype: 'q6_k' },
  { m: 1, n: 68, k: 256, dtype: 'q6_k', bias: true, accumulate: true },
];

const BACKWARD_ALIGNED: readonly LinearCase[] = [
  { m: 21, n: 64, k: 64, accumulate: true },
  { m: 21, n: 64, k: 64, rowScale: true },
  { m: 9, n: 48, k: 32, firstBlockRow: 5, blockRowsAfter: 3, stride: 96, offset: 24, rowScale: true },
];

const ODD: readonly LinearCase[] = [
  ...[1, 3, 17, 63, 65, 257].flatMap((d) => [
    { m: d, n: 5, k: 7 },
    { m: 3, n: d, k: 9 },
    { m: 3, n: 6, k: d },
  ]),
  { m: 5, n: 131, k: 64, bias: true },
  { m: 4, n: 10, k: 7, firstBlockRow: 2, blockRowsAfter: 1, stride: 15, offset: 3, accumulate: true },
  { m: 4, n: 10, k: 7, dtype: 'f16' },
  { m: 4, n: 10, k: 7, dtype: 'f32' },
  { m: 0, n: 8, k: 8 },
];

/** Block formats: the last block of rows is not full, and the first ones are not used. */
const QUANTISED: readonly LinearCase[] = WEIGHT_TYPES.filter(isQuantised).map((dtype) => ({
  m: 5,
  n: 68,
  k: 512,
  firstBlockRow: 3,
  dtype,
}));

/** Block formats with more rows than one of a decode step: a block's terms each have scales of their own down the columns. */
const QUANTISED_BACKWARD: readonly LinearCase[] = (['q4_0', 'q8_0', 'q4_k', 'q6_k'] as const).map((dtype) => ({
  m: 33,
  n: 72,
  k: 256,
  dtype,
}));

/** What each variant is tested with where the adapter would get another. */
const FORWARD_GIVEN: readonly LinearCase[] = [
  ...[1, 9, 65].map((m) => ({ m, n: 68, k: 296 })),
  { m: 6, n: 64, k: 64, dtype: 'f16', accumulate: true, bias: true, scale: 0.5 },
  { m: 9, n: 48, k: 32, dtype: 'f32', firstBlockRow: 5, blockRowsAfter: 3, stride: 96, offset: 24 },
  { m: 5, n: 131, k: 64, stride: 132 },
  { m: 3, n: 68, k: 256, dtype: 'q5_k' },
];

const BACKWARD_GIVEN: readonly LinearCase[] = [
  ...[1, 9, 65].map((m) => ({ m, n: 72, k: 20 })),
  { m: 9, n: 48, k: 32, firstBlockRow: 5, blockRowsAfter: 3, stride: 96, offset: 24, rowScale: true },
  { m: 3, n: 68, k: 256, dtype: 'q6_k' },
];

/** The same for other sizes of tiles: each takes seconds to compile on a CPU. */
const OTHER_SIZE = /64x64|128x64|128x128/;
const OTHER_SIZES: readonly LinearCase[] = [{ m: 131, n: 132, k: 340, stride: 136, offset: 4 }];

/** Another order in the kernel of `tiles`. */
const OTHER_ORDER = /^(sliced|split|half)/;
const OTHER_ORDERS: readonly LinearCase[] = [
  { m: 9, n: 68, k: 296 },
  { m: 67, n: 64, k: 512, dtype: 'q5_k', bias: true, accumulate: true, scale: 0.5 },
];

/** The variants that this device can run on shapes in multiples of 4. */
export function runnableVariants(device: Device): LinearVariant[] {
  const names = Object.keys(LINEAR_VARIANTS) as LinearVariant[];
  return names.filter((name) => LINEAR_VARIANTS[name].runsOn(device.caps));
}

/**
 * Every shape with the variant that the adapter gets, and some with each of those given. Of an order other than the sequential one a
 * software adapter has one size of tiles checked here: the others are compared with it bit by bit.
 */
export function cases(variants: readonly LinearVariant[] = [], isSoftware = false): KernelCase[] {
  const given = (shapes: readonly LinearCase[], direction: 'forward' | 'backward') =>
    variants
      .filter((variant) => LINEAR_VARIANTS[variant][direction])
      .flatMap((variant) => {
        const order = OTHER_ORDER.test(variant);
        const size = OTHER_SIZE.test(variant);
        if (order && size && isSoftware) return [];
        const others = OTHER_ORDERS.map(({ bias, ...c }) =>
          direction === 'forward' ? { ...c, bias: bias ?? false } : c,
        );
        return (size ? OTHER_SIZES : order ? others : shapes).map((c): LinearCase => ({ ...c, variant }));
      });
  return [
    ...[...ALIGNED, ...FORWARD_ALIGNED, ...ODD, ...QUANTISED, ...given(FORWARD_GIVEN, 'forward')].map(linearCase),
    ...[
      ...ALIGNED.filter((c) => !c.scale),
      ...BACKWARD_ALIGNED,
      ...QUANTISED,
      ...QUANTISED_BACKWARD,
      ...ODD.filter((c) => !c.bias),
      ...given(BACKWARD_GIVEN, 'backward'),
    ].map(linearBackwardCase),
    linearBackwardCase({ m: 5, n: 131, k: 64, stride: 132 }),
    linearBackwardCase({ m: 5, n: 7, k: 9, rowScale: true }),
  ];
}

/** The projections of the models, with the rows of a decode step and of a training batch; of the head, one tile. */
export function benchCases(models = MODELS): KernelCase[] {
  return models.flatMap((model) => {
    const qkv = (model.heads + 2 * model.kvHeads) * model.headDim;
    const { c, f } = model;
    const shapes: [string, number, number][] = [
      ['qkv', qkv, c],
      ['o', c, model.heads * model.headDim],
      ['gate_up', 2 * f, c],
      ['down', c, f],
      ['head tile', Math.min(model.v, 2048), c],
    ];
    const rows = model.c > 1000 ? [64] : [64, 1024];
    return rows.flatMap((m) =>
      shapes.flatMap(([name, n, k]) => {
        const forward = linearCase({ m, n, k });
        const backward = linearBackwardCase({ m, n, k });
        return [forward, backward].map((made) => ({ ...made, shape: `${model.name} ${name} ${made.shape}` }));
      }),
    );
  });
}

export function linearCase(o: LinearCase): KernelCase {
  const { m, n, k, dtype = 'bf16', firstBlockRow = 0, blockRowsAfter = 0, stride = n, offset = 0 } = o;
  const random = randomSource(m * 7919 + n * 31 + k);
  const rows = 4 * firstBlockRow + n + 4 * blockRowsAfter;
  const initial = random.array(m * stride);
  if (!o.accumulate) initial.fill(0);
  return {
    kernel: 'linear',
    shape: describe(o),
    ...toleranceOf(o),
    inputs: {
      inp: { data: random.array(m * k), shape: [m, k] },
      weight: weightInput(random, rows, k, dtype),
      ...(o.bias && { bias: { data: random.array(n), shape: [n] } }),
    },
    outputs: { out: { shape: [m, stride], ...((o.accumulate || stride > n) && { initial }) } },
    run: (rec, t) =>
      linear(rec, t as never, {
        ...launchOptions(o),
        outStride: stride,
        outOffset: offset,
        ...(o.scale && { scale: o.scale }),
      }),
    reference: (t) => ({
      out: reference.linear(t as never, {
        m,
        n,
        k,
        first: 4 * firstBlockRow,
        outStride: stride,
        outOffset: offset,
        scale: o.scale ?? 1,
      }),
    }),
  };
}

export function linearBackwardCase(o: LinearCase): KernelCase {
  const { m, n, k, dtype = 'bf16', firstBlockRow = 0, blockRowsAfter = 0, stride = n, offset = 0 } = o;
  const random = randomSource(m * 104729 + n * 37 + k);
  const rows = 4 * firstBlockRow + n + 4 * blockRowsAfter;
  return {
    kernel: 'linear_backward',
    shape: describe(o),
    ...toleranceOf(o),
    inputs: {
      dout: { data: random.array(m * stride), shape: [m, stride] },
      weight: weightInput(random, rows, k, dtype),
      ...(o.rowScale && { rowScale: { data: random.array(m), shape: [m] } }),
    },
    outputs: { dinp: { shape: [m, k], ...((o.accumulate || o.rowScale) && { initial: random.array(m * k) }) } },
    run: (rec, t) => linearBackward(rec, t as never, { ...launchOptions(o), doutStride: stride, doutOffset: offset }),
    reference: (t) => ({
      dinp: reference.linearBackward(t as never, {
        m,
        n,
        k,
        first: 4 * firstBlockRow,
        doutStride: stride,
        doutOffset: offset,
      }),
    }),
  };
}

/** Numbers rounded to f16: an error of 2^-11 in each factor, of which some cancel. */
function toleranceOf({ variant }: LinearCase) {
  const order = variant && LINEAR_VARIANTS[variant].order;
  return order === 'half' || order === 'matrix_f16' ? { tolerance: { relative: 1e-3, absolute: 1e-5 } } : {};
}

function launchOptions(o: LinearCase) {
  const { m, n, k, accumulate = false, firstBlockRow = 0, variant } = o;
  return { m, n, k, accumulate, firstBlockRow, ...(variant && { variant }) };
}

function describe(o: LinearCase): string {
  const flags = [
    o.bias && 'bias',
    o.accumulate && 'accumulate',
    o.rowScale && 'rescale',
    o.scale && `scale=${o.scale}`,
  ];
  const place = [
    o.firstBlockRow && `from block row ${o.firstBlockRow}`,
    o.stride && `stride=${o.stride}`,
    o.offset && `offset=${o.offset}`,
  ];
  return [`M=${o.m} N=${o.n} K=${o.k}`, o.dtype ?? 'bf16', ...flags, ...place, o.variant].filter(Boolean).join(' ');
}
