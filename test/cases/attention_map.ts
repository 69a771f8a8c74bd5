import { attentionMap, mapStride } from '../../src/kernels/attention_map.ts';
import * as attended from '../reference/attention.ts';
import * as reference from '../reference/attention_map.ts';
import { pack, shapeOf } from './attention.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, ODD } from './shapes.ts';

type Heads = Pick<attended.AttentionShape, 'heads' | 'kvHeads' | 'headDim'>;

const DEMO: Heads = { heads: 4, kvHeads: 2, headDim: 32 };

export function cases(): KernelCase[] {
  const heads: Heads[] = [
    { heads: 3, kvHeads: 1, headDim: 8 },
    { heads: 3, kvHeads: 3, headDim: 4 },
    { heads: 9, kvHeads: 3, headDim: 64 },
    { heads: 7, kvHeads: 1, headDim: 20 },
    { heads: 2, kvHeads: 1, headDim: 256 },
  ];
  return [
    mapCase(DEMO, [], { first: 0, rows: 0 }),
    ...ODD.slice(0, -1).map((n) => mapCase(DEMO, [n], { first: 0, rows: n })),
    ...heads.map((h) => mapCase(h, [11], { first: 0, rows: 11 })),
    mapCase(DEMO, [65], { first: 17, rows: 31 }),
    mapCase(DEMO, [9, 30], { first: 3, rows: 20 }),
    mapCase(DEMO, [13], { first: 0, rows: 13 }, 30),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return models.flatMap((model) => [64, 512].map((n) => mapCase(model, [n], { first: 0, rows: n })));
}

/** Some prompts with two completions each, one token shorter than they: keys of two ranges, and keys that are not seen between them. */
function mapCase(
  { heads, kvHeads, headDim }: Heads,
  lengths: readonly number[],
  { first, rows }: { first: number; rows: number },
  size = 1,
): KernelCase {
  const groups = lengths.map((n) => (n > 8 ? { prompt: n - 8, completions: [3, 5] } : { prompt: n, completions: [] }));
  const { n, ranges } = pack(groups);
  const o = attended.packedLayout(shapeOf({ heads, kvHeads, headDim }, n));
  const random = randomSource(n * 31 + headDim);
  const qkv = random.array(n * o.qStride, size);
  const stride = mapStride(n);
  const at = { ...o, first, rows };
  return {
    kernel: 'attention_map',
    shape: `N=${n} rows=${first}+${rows} H=${heads}/${kvHeads} D=${headDim}${size === 1 ? '' : ' large scores'}`,
    inputs: {
      qkv: { data: qkv, shape: [n, o.qStride] },
      ranges: { data: ranges, shape: [n, 4] },
      get lse() {
        const kv = Float64Array.from(qkv);
        return { data: Float32Array.from(attended.attention({ q: kv, kv, ranges }, o).lse), shape: [n, heads] };
      },
    },
    outputs: { out: { shape: [heads, rows, stride] } },
    run: (rec, t) => attentionMap(rec, { ...t, q: t.qkv, kv: t.qkv } as never, { ...at, keys: n }),
    reference: ({ qkv: x }) => ({
      out: reference.attentionMap({ q: x as Float64Array, kv: x as Float64Array, ranges }, { ...at, stride }),
    }),
    // Scores of some hundreds are rounded to 1e-5, and that is the relative error of their exponentials.
    tolerance: { relative: size === 1 ? 4e-6 : 1e-4, absolute: 1e-6 },
  };
}
