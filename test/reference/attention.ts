export interface AttentionShape {
  readonly n: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
}

export interface AttentionLayout extends AttentionShape {
  readonly qStride: number;
  readonly kvStride: number;
  readonly kOffset: number;
  readonly vOffset: number;
}

/** Where q, k and v are in the packed training tensor qkv [N, (H + 2*Hkv)*D]. */
export function packedLayout(o: AttentionShape): AttentionLayout {
  const stride = (o.heads + 2 * o.kvHeads) * o.headDim;
  return {
    ...o,
    qStride: stride,
    kvStride: stride,
    kOffset: o.heads * o.headDim,
    vOffset: (o.heads + o.kvHeads) * o.headDim,
  };
}

/** Softmax attention of every row over its two ranges of key rows, straight from the definition. */
export function attention(
  t: { q: Float64Array; kv: Float64Array; ranges: ArrayLike<number> },
  o: AttentionLayout,
): { out: Float64Array; lse: Float64Array } {
  const out = new Float64Array(o.n * o.heads * o.headDim);
  const lse = new Float64Array(o.n * o.heads);
  for (let i = 0; i < o.n; i++) {
    const keys = keysOf(t.ranges, i);
    for (let h = 0; h < o.heads; h++) {
      const { probabilities, logSum } = softmaxRow(t, o, i, h, keys);
      lse[i * o.heads + h] = logSum;
      const v = o.vOffset + kvHeadOf(o, h) * o.headDim;
      for (let d = 0; d < o.headDim; d++) {
        let sum = 0;
        keys.forEach((j, at) => {
          sum += (probabilities[at] as number) * (t.kv[j * o.kvStride + v + d] as number);
        });
        out[(i * o.heads + h) * o.headDim + d] = sum;
      }
    }
  }
  return { out, lse };
}

/**
 * Vector-Jacobian product of `attention` on the packed layout: delta [N, H] = Σ_d out * dout, and dqkv. `ranges` name rows of qkv, or
 * of `paths`, which name those.
 */
export function attentionBackward(
  t: { qkv: Float64Array; ranges: ArrayLike<number>; paths?: ArrayLike<number>; dout: Float64Array },
  shape: AttentionShape,
): { delta: Float64Array; dqkv: Float64Array } {
  const o = packedLayout(shape);
  const { paths } = t;
  const delta = new Float64Array(o.n * o.heads);
  const dqkv = new Float64Array(t.qkv.length);
  for (let i = 0; i < o.n; i++) {
    const keys = keysOf(t.ranges, i).map((j) => (paths ? (paths[j] as number) : j));
    for (let h = 0; h < o.heads; h++) {
      const { probabilities } = softmaxRow({ q: t.qkv, kv: t.qkv }, o, i, h, keys);
      const q = i * o.qStride + h * o.headDim;
      const dout = (i * o.heads + h) * o.headDim;
      const rowOf = (j: number) => j * o.kvStride + kvHeadOf(o, h) * o.headDim;
      const dprobabilities = keys.map((j) => dot(t.dout, dout, t.qkv, rowOf(j) + o.vOffset, o.headDim));
      const mean = dprobabilities.reduce((sum, dp, at) => sum + dp * (probabilities[at] as number), 0);
      delta[i * o.heads + h] = mean;
      keys.forEach((j, at) => {
        const p = probabilities[at] as number;
        const dscore = o.scale * p * ((dprobabilities[at] as number) - mean);
        const k = rowOf(j) + o.kOffset;
        const v = rowOf(j) + o.vOffset;
        for (let d = 0; d < o.headDim; d++) {
          add(dqkv, q + d, dscore * (t.qkv[k + d] as number));
          add(dqkv, k + d, dscore * (t.qkv[q + d] as number));
          add(dqkv, v + d, p * (t.dout[dout + d] as number));
        }
      });
    }
  }
  return { delta, dqkv };
}

function softmaxRow(
  t: { q: Float64Array; kv: Float64Array },
  o: AttentionLayout,
  i: number,
  h: number,
  keys: number[],
) {
  const k = o.kOffset + kvHeadOf(o, h) * o.headDim;
  const scores = keys.map(
    (j) => o.scale * dot(t.q, i * o.qStride + h * o.headDim, t.kv, j * o.kvStride + k, o.headDim),
  );
  const top = Math.max(...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  return { probabilities: scores.map((score) => Math.exp(score - top) / total), logSum: top + Math.log(total) };
}

function keysOf(ranges: ArrayLike<number>, i: number): number[] {
  const keys: number[] = [];
  for (const side of [0, 2]) {
    for (let j = ranges[4 * i + side] as number; j < (ranges[4 * i + side + 1] as number); j++) keys.push(j);
  }
  return keys;
}

function kvHeadOf(o: AttentionShape, head: number): number {
  return Math.floor(head / (o.heads / o.kvHeads));
}

function dot(a: Float64Array, at: number, b: Float64Array, bt: number, n: number): number {
  let sum = 0;
  for (let d = 0; d < n; d++) sum += (a[at + d] as number) * (b[bt + d] as number);
  return sum;
}

function add(a: Float64Array, i: number, x: number): void {
  a[i] = (a[i] as number) + x;
}
