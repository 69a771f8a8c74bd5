/** Ids of the k largest of each row's first v columns, largest first, ties to the lowest id: [R, k]. */
export function topK(logits: Float64Array, o: { rows: number; v: number; stride: number; k: number }): Float64Array {
  const ids: number[] = [];
  for (let r = 0; r < o.rows; r++) {
    const row = logits.subarray(r * o.stride, r * o.stride + o.v);
    const order = Array.from(row.keys()).sort((a, b) => (row[b] as number) - (row[a] as number) || a - b);
    ids.push(...order.slice(0, o.k));
  }
  return Float64Array.from(ids);
}
