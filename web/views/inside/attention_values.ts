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

/** The largest change of any weight; never nothing, for it is what colours are measured by. */
export function largestChange(before: Float32Array, after: Float32Array): number {
  let most = 1e-6;
  for (let i = 0; i < before.length; i++) most = Math.max(most, Math.abs((after[i] as number) - (before[i] as number)));
  return most;
}

/** A map [T, T] as the mean of its blocks, `side` × `side` of them at the most; what is NaN counts for nothing. */
export function pooled(map: Float32Array, tokens: number, side: number): { values: Float32Array; side: number } {
  const block = Math.ceil(tokens / side);
  if (block <= 1) return { values: map, side: tokens };
  const small = Math.ceil(tokens / block);
  const [sums, counts] = [new Float32Array(small * small), new Float32Array(small * small)];
  for (let i = 0; i < tokens; i++) {
    for (let j = 0; j < tokens; j++) {
      const value = map[i * tokens + j] as number;
      if (Number.isNaN(value)) continue;
      const at = Math.floor(i / block) * small + Math.floor(j / block);
      sums[at] = (sums[at] as number) + value;
      counts[at] = (counts[at] as number) + 1;
    }
  }
  return { values: sums.map((sum, at) => sum / (counts[at] as number)), side: small };
}
