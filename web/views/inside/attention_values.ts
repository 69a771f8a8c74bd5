/**
 * The attention map [T, T] of a head, or the mean of all heads, of weights [H, T, T]; NaN where a key comes after its query:
 * that is no small weight, there is none.
 */
export function headMap(weights: Float32Array, heads: number, tokens: number, head: number | undefined): Float32Array {
  const size = tokens * tokens;
  const map = new Float32Array(size);
  const [first, end] = head === undefined ? [0, heads] : [head, head + 1];
  for (let h = first; h < end; h++) {
    for (let i = 0; i < size; i++) map[i] = (map[i] as number) + (weights[h * size + i] as number) / (end - first);
  }
  for (let query = 0; query < tokens; query++) map.fill(Number.NaN, query * tokens + query + 1, (query + 1) * tokens);
  return map;
}
