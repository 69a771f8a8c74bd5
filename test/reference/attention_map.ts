import type { AttentionLayout } from './attention.ts';

/**
 * Softmax of each query row's scores over the keys of its two ranges, [H, rows, stride]: 0 elsewhere. From the definition: the
 * kernel is handed the logarithm of the sum.
 */
export function attentionMap(
  t: { q: Float64Array; kv: Float64Array; ranges: ArrayLike<number> },
  o: AttentionLayout & { readonly first: number; readonly rows: number; readonly stride: number },
): Float64Array {
  const out = new Float64Array(o.heads * o.rows * o.stride);
  for (let h = 0; h < o.heads; h++) {
    const kvHead = Math.floor(h / (o.heads / o.kvHeads));
    for (let r = 0; r < o.rows; r++) {
      const i = o.first + r;
      const keys: number[] = [];
      for (const side of [0, 2]) {
        const [from, to] = [t.ranges[4 * i + side] as number, t.ranges[4 * i + side + 1] as number];
        for (let j = from; j < to; j++) keys.push(j);
      }
      const scores = keys.map((j) => {
        let sum = 0;
        for (let d = 0; d < o.headDim; d++) {
          const x = t.q[i * o.qStride + h * o.headDim + d] as number;
          sum += x * (t.kv[j * o.kvStride + o.kOffset + kvHead * o.headDim + d] as number);
        }
        return o.scale * sum;
      });
      const top = Math.max(...scores);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
      keys.forEach((j, at) => {
        out[(h * o.rows + r) * o.stride + j] = Math.exp((scores[at] as number) - top) / total;
      });
    }
  }
  return out;
}
