/** Row lengths that fill no vec4, one vec4, a workgroup and more, or almost. */
export const ODD = [1, 3, 17, 63, 65, 257] as const;

/** Rows and row lengths for kernels over [N, C]: empty, odd in each dimension, multiples of 4. */
export const ROWS_BY_COLUMNS: readonly (readonly [number, number])[] = [
  [0, 16],
  ...ODD.map((n) => [n, 12] as const),
  ...ODD.map((c) => [5, c] as const),
  [3, 128],
  [2, 576],
  [7, 260],
];

export interface ModelShape {
  readonly name: string;
  readonly c: number;
  readonly f: number;
  readonly v: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** The models whose shapes are benchmarked. */
export const MODELS: readonly ModelShape[] = [
  { name: 'demo', c: 128, f: 384, v: 512, heads: 4, kvHeads: 2, headDim: 32 },
  { name: 'SmolLM2-135M', c: 576, f: 1536, v: 49152, heads: 9, kvHeads: 3, headDim: 64 },
  { name: 'Qwen2.5-1.5B', c: 1536, f: 8960, v: 151936, heads: 12, kvHeads: 2, headDim: 128 },
];

/** Each of these models with few and with many rows. */
export function modelRows(models = MODELS): { model: ModelShape; n: number; label: string }[] {
  return models.flatMap((model) => [64, 1024].map((n) => ({ model, n, label: `${model.name} N=${n}` })));
}
