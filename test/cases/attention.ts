import { f16ToF32, f32ToF16 } from '../../src/gpu/floats.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { attention } from '../../src/kernels/attention.ts';
import { attentionBackward } from '../../src/kernels/attention_backward.ts';
import { partialFloats, piecesOf } from '../../src/kernels/attention_pieces.ts';
import { pathKeys } from '../../src/kernels/path_keys.ts';
import { pack as packTokens } from '../../src/model/packing.ts';
import * as reference from '../reference/attention.ts';
import { pathKeys as ofPaths } from '../reference/path_keys.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS } from './shapes.ts';

type Heads = Pick<reference.AttentionShape, 'heads' | 'kvHeads' | 'headDim'>;

/** A prompt, and the completions that share it. */
export interface Group {
  readonly prompt: number;
  readonly completions: readonly number[];
}

/** Groups packed as [prompt | completion 1 | completion 2 | …], with the two tables that attention takes. */
export interface Packing {
  readonly n: number;
  /** [N, 4]: prefix_start, prefix_end, own_start, own_end. */
  readonly ranges: Uint32Array;
  /** [N, 2]: first and end of the query rows that attend a key row. */
  readonly keyQueries: Uint32Array;
}

export function pack(groups: readonly Group[]): Packing {
  const ranges: number[] = [];
  const keyQueries: number[] = [];
  let start = 0;
  for (const { prompt, completions } of groups) {
    const end = completions.reduce((sum, length) => sum + length, start + prompt);
    for (let j = start; j < start + prompt; j++) {
      ranges.push(start, start, start, j + 1);
      keyQueries.push(j, end);
    }
    let own = start + prompt;
    for (const length of completions) {
      for (let j = own; j < own + length; j++) {
        ranges.push(start, start + prompt, own, j + 1);
        keyQueries.push(j, own + length);
      }
      own += length;
    }
    start = end;
  }
  return { n: start, ranges: Uint32Array.from(ranges), keyQueries: Uint32Array.from(keyQueries) };
}

/** Odd lengths side by side: K = 3 completions, one prompt alone, one without a prompt. */
const MIXED: readonly Group[] = [
  { prompt: 17, completions: [1, 63, 3] },
  { prompt: 1, completions: [65, 17, 1] },
  { prompt: 63, completions: [] },
  { prompt: 3, completions: [3, 1, 17] },
  { prompt: 0, completions: [17] },
];

const DEMO: Heads = { heads: 4, kvHeads: 2, headDim: 32 };

export function cases(): KernelCase[] {
  const small = [{ prompt: 5, completions: [2, 3, 4] }];
  const heads: Heads[] = [
    DEMO,
    { heads: 3, kvHeads: 1, headDim: 8 },
    { heads: 3, kvHeads: 3, headDim: 4 },
    { heads: 8, kvHeads: 1, headDim: 16 },
    { heads: 7, kvHeads: 1, headDim: 20 },
    { heads: 9, kvHeads: 3, headDim: 64 },
    { heads: 6, kvHeads: 1, headDim: 128 },
    { heads: 2, kvHeads: 2, headDim: 256 },
    { heads: 22, kvHeads: 2, headDim: 8 },
  ];
  return [
    ...packedCases('nothing', DEMO, []),
    ...packedCases('mixed', DEMO, MIXED),
    ...packedCases('long', { heads: 2, kvHeads: 1, headDim: 8 }, [{ prompt: 257, completions: [65, 63, 1] }]),
    ...packedCases('large scores', DEMO, small, 30).map((c) => ({ ...c, tolerance: ROUNDED_SCORES })),
    ...heads.flatMap((h) => packedCases('small', h, small)),
    ...[1, 3, 17, 65].map((n) => decodeCase(`N=${n}`, DEMO, n, 21, 9)),
    decodeCase('N=5', { heads: 9, kvHeads: 3, headDim: 64 }, 5, 3, 7),
    decodeCase('N=5', { heads: 3, kvHeads: 1, headDim: 4 }, 5, 0, 1),
    decodeCase('N=11 of 3 prompts', DEMO, 11, 21, 9, { prompts: 3 }),
    decodeCase('N=19 of 3 prompts', DEMO, 19, 21, 9, { prompts: 3 }),
    decodeCase('N=7 of 2 prompts', { heads: 2, kvHeads: 2, headDim: 20 }, 7, 5, 6, { prompts: 2 }),
    decodeCase('N=5 of 2 prompts', { heads: 4, kvHeads: 1, headDim: 8 }, 5, 4, 5, { prompts: 2 }),
    decodeCase('together N=17', DEMO, 17, 21, 9, { apart: false }),
    decodeCase('N=17', DEMO, 17, 21, 9, { f16: true }),
    decodeCase('together N=5', DEMO, 5, 7, 3, { apart: false, f16: true }),
    treeCase(DEMO),
    decodeCase('N=7', DEMO, 7, 1030, 3),
    decodeCase('N=3', DEMO, 3, 511, 1030, { spare: 2 }),
    ...[DEMO, { heads: 7, kvHeads: 1, headDim: 64 }].map((h) => unequalCase(h, UNEQUAL)),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return models.flatMap((model) => [
    ...[60, 512, 2048].map((prompt) => decodeCase(`${model.name} decode N=64`, model, 64, prompt, 20)),
    decodeCase(`${model.name} decode N=64`, model, 64, 512, 20, { f16: true }),
    decodeCase(`${model.name} decode N=1`, model, 1, 2048, 20),
    ...packedCases(
      `${model.name} train`,
      model,
      Array(model.headDim === 32 ? 8 : 2).fill({ prompt: 55, completions: Array(8).fill(40) }),
    ),
  ]);
}

function packedCases(label: string, heads: Heads, groups: readonly Group[], size = 1): KernelCase[] {
  const { n, ranges, keyQueries } = pack(groups);
  const o = shapeOf(heads, n);
  const layout = reference.packedLayout(o);
  const random = randomSource(n * 131 + heads.heads * 17 + heads.headDim);
  const qkv = random.array(n * layout.qStride, size);
  const width = heads.heads * heads.headDim;
  const dout = random.array(n * width);
  const shape = `${label} N=${n} ${headsLabel(heads)}`;
  const seen = lazily(() =>
    reference.attention({ q: Float64Array.from(qkv), kv: Float64Array.from(qkv), ranges }, layout),
  );
  const qkvInput = { data: qkv, shape: [n, layout.qStride] };
  const rangesInput = { data: ranges, shape: [n, 4] };
  return [
    {
      kernel: 'attention',
      shape,
      inputs: { qkv: qkvInput, ranges: rangesInput },
      outputs: { out: { shape: [n, width] }, lse: { shape: [n, heads.heads] } },
      run: (rec, t) => attention(rec, { ...t, q: t.qkv, kv: t.qkv } as never, layout),
      reference: () => ({ ...seen() }),
      tolerance: TOLERANCE,
    },
    {
      kernel: 'attention_backward',
      shape,
      get inputs() {
        return {
          qkv: qkvInput,
          ranges: rangesInput,
          keyQueries: { data: keyQueries, shape: [n, 2] },
          out: { data: Float32Array.from(seen().out), shape: [n, width] },
          lse: { data: Float32Array.from(seen().lse), shape: [n, heads.heads] },
          dout: { data: dout, shape: [n, width] },
        };
      },
      outputs: { dqkv: { shape: [n, layout.qStride] }, delta: { shape: [n, heads.heads] } },
      run: (rec, t) => attentionBackward(rec, t as never, o),
      reference: (t) => ({ ...reference.attentionBackward(t as never, o) }),
      tolerance: TOLERANCE,
    },
  ];
}

/** Completions that share beginnings of 9 tokens and of 2; their keys are gathered for each on its own. */
function treeCase(heads: Heads): KernelCase {
  const text = (n: number, first: number) => Array.from({ length: n }, (_, i) => first + i);
  const completions = [[], [9], [1, 2, 3], [], [9, 5]].map((end, i) => [
    ...text(i < 3 ? 9 : 2, 0),
    ...end,
    ...text(i, 20),
  ]);
  const groups = [
    { prompt: text(5, 40), completions },
    { prompt: text(3, 0), completions: [text(4, 0)] },
  ];
  const { n, ranges, paths, keyQueries } = packTokens(groups);
  if (!paths) throw new Error('the completions share nothing');
  const m = paths.length;
  const o = shapeOf(heads, n);
  const layout = reference.packedLayout(o);
  const width = heads.heads * heads.headDim;
  const keys = { ...layout, kvStride: layout.qStride - width, kOffset: 0, vOffset: (layout.qStride - width) / 2 };
  const random = randomSource(n * 131 + heads.headDim);
  return {
    kernel: 'attention_backward',
    shape: `tree N=${n} M=${m} ${headsLabel(heads)}`,
    inputs: {
      qkv: { data: random.array(n * layout.qStride), shape: [n, layout.qStride] },
      paths: { data: paths, shape: [m] },
      ranges: { data: ranges, shape: [n, 4] },
      keyQueries: { data: keyQueries, shape: [n, 2] },
      dout: { data: random.array(n * width), shape: [n, width] },
    },
    outputs: {
      out: { shape: [n, width] },
      lse: { shape: [n, heads.heads] },
      dqkv: { shape: [n, layout.qStride] },
      delta: { shape: [n, heads.heads] },
    },
    run: (rec, t, device) => {
      const ordered = device.arena.alloc([m, keys.kvStride]);
      pathKeys(rec, { ...t, out: ordered } as never, { m, ...heads });
      attention(rec, { ...t, q: t.qkv, kv: ordered } as never, keys);
      attentionBackward(rec, { ...t, pathKeys: ordered } as never, o);
      device.arena.free(ordered);
    },
    reference: (t) => {
      const { qkv, paths: rows, ranges: of } = t as Record<string, Float64Array>;
      const kv = ofPaths(qkv as Float64Array, rows as Float64Array, heads);
      const seen = reference.attention({ q: qkv as Float64Array, kv, ranges: of as Float64Array }, keys);
      return { ...seen, ...reference.attentionBackward(t as never, o) };
    },
    tolerance: TOLERANCE,
  };
}

interface Decoding {
  /** Default true. */
  readonly apart?: boolean;
  readonly f16?: boolean;
  /** More than any row has. */
  readonly spare?: number;
  /** Prefixes in the cache: neighbouring rows have the same, but for those where one ends and the next begins. Default 1. */
  readonly prompts?: number;
}

/** `n` sequences that share prefixes in a cache, each with at most `own` keys of its own; keys lie in no order of the rows. */
function decodeCase(
  label: string,
  heads: Heads,
  n: number,
  prefix: number,
  own: number,
  { apart = true, f16 = false, spare = 0, prompts = 1 }: Decoding = {},
): KernelCase {
  const o = cacheLayout(heads, n);
  const random = randomSource(n * 977 + prefix);
  const rows = prompts * prefix + n * own;
  const ranges = new Uint32Array(4 * n);
  for (let i = 0; i < n; i++) {
    const start = (n - 1 - i) * own;
    const shared = n * own + Math.floor((i * prompts) / n) * prefix;
    ranges.set([shared, shared + prefix, start, start + 1 + (i % own)], 4 * i);
  }
  const q = random.array(n * o.qStride);
  const kv = random.array(rows * o.kvStride);
  const halves = Uint16Array.from(kv, f32ToF16);
  const seen = f16 ? Float64Array.from(halves, f16ToF32) : Float64Array.from(kv);
  const pieces = apart ? piecesOf(prefix, own) + spare : 0;
  return {
    kernel: 'attention',
    shape: [`cache ${label} keys=${prefix}+${own} ${headsLabel(heads)}`, ...(f16 ? ['f16'] : [])].join(' '),
    inputs: {
      q: { data: q, shape: [n, o.qStride] },
      kv: f16
        ? { data: new Uint32Array(halves.buffer), shape: [rows, o.kvStride / 2] }
        : { data: kv, shape: [rows, o.kvStride] },
      ranges: { data: ranges, shape: [n, 4] },
    },
    outputs: {
      out: { shape: [n, o.qStride] },
      lse: { shape: [n, heads.heads] },
    },
    run: (rec, t, device) => {
      const partials = pieces > 0 ? device.arena.alloc([partialFloats(o, pieces)]) : undefined;
      const cache = f16 ? { ...(t.kv as Tensor), dtype: 'f16' as const } : t.kv;
      attention(rec, { ...t, kv: cache, ...(partials && { partials }) } as never, { ...o, apart, pieces });
      device.arena.free(partials);
    },
    reference: (t) => ({ ...reference.attention({ ...t, kv: seen } as never, o) }),
    tolerance: TOLERANCE,
  };
}

/** Keys of a prefix and of the row's own, side by side: from no piece to three, of either range, a whole piece and one key more. */
const UNEQUAL: readonly (readonly [prefix: number, own: number])[] = [
  [300, 10],
  [200, 3],
  [600, 257],
  [1, 520],
  [255, 255],
  [256, 256],
  [257, 1],
];

/** Rows of decoding whose ranges have these lengths, none shared, so that the rows of a quad have unequal numbers of pieces. */
function unequalCase(heads: Heads, lengths: readonly (readonly [prefix: number, own: number])[]): KernelCase {
  const n = lengths.length;
  const o = cacheLayout(heads, n);
  const random = randomSource(n * 7 + heads.heads);
  const ranges = new Uint32Array(4 * n);
  let rows = 0;
  lengths.forEach(([prefix, own], i) => {
    ranges.set([rows, rows + prefix, rows + prefix, rows + prefix + own], 4 * i);
    rows += prefix + own;
  });
  const pieces = Math.max(...lengths.map(([prefix, own]) => piecesOf(prefix, own)));
  return {
    kernel: 'attention',
    shape: `cache unequal N=${n} keys=${lengths.map((each) => each.join('+')).join(',')} ${headsLabel(heads)}`,
    inputs: {
      q: { data: random.array(n * o.qStride), shape: [n, o.qStride] },
      kv: { data: random.array(rows * o.kvStride), shape: [rows, o.kvStride] },
      ranges: { data: ranges, shape: [n, 4] },
    },
    outputs: { out: { shape: [n, o.qStride] }, lse: { shape: [n, heads.heads] } },
    run: (rec, t, device) => {
      const partials = device.arena.alloc([partialFloats(o, pieces)]);
      attention(rec, { ...t, partials } as never, { ...o, apart: true, pieces });
      device.arena.free(partials);
    },
    reference: (t) => ({ ...reference.attention(t as never, o) }),
    tolerance: TOLERANCE,
  };
}

/** Queries by themselves, keys and values side by side in a cache. */
function cacheLayout(heads: Heads, n: number) {
  const { heads: h, kvHeads, headDim } = heads;
  return {
    ...shapeOf(heads, n),
    qStride: h * headDim,
    kvStride: 2 * kvHeads * headDim,
    kOffset: 0,
    vOffset: kvHeads * headDim,
  };
}

const TOLERANCE = { relative: 4e-6, absolute: 1e-6 };
/** Scores of some hundreds are rounded to 1e-5, and that is the relative error of their exponentials. */
const ROUNDED_SCORES = { relative: 1e-4, absolute: 0 };

export function shapeOf(heads: Heads, n: number): reference.AttentionShape {
  const { heads: h, kvHeads, headDim } = heads;
  return { n, heads: h, kvHeads, headDim, scale: 1 / Math.sqrt(headDim) };
}

function headsLabel(heads: Heads): string {
  return `H=${heads.heads}/${heads.kvHeads} D=${heads.headDim}`;
}

function lazily<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
