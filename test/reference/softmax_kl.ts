/** KL(softmax(a) ‖ softmax(b)) of each row's first v columns, in nats, from the definition: [R]. */
export function softmaxKl(
  a: Float64Array,
  b: Float64Array,
  o: { rows: number; v: number; stride: number },
): Float64Array {
  return Float64Array.from({ length: o.rows }, (_, r) => {
    const [p, q] = [a, b].map((of) => logSoftmax(of.subarray(r * o.stride, r * o.stride + o.v)));
    return (p as Float64Array).reduce((sum, x, v) => sum + Math.exp(x) * (x - ((q as Float64Array)[v] as number)), 0);
  });
}

/** Maximum, sum of exponentials below it, and two columns that the kernel does not look at: [R, 4]. */
export function statsOf(a: Float64Array, o: { rows: number; v: number; stride: number }): Float64Array {
  const stats = new Float64Array(4 * o.rows);
  for (let r = 0; r < o.rows; r++) {
    const row = a.subarray(r * o.stride, r * o.stride + o.v);
    const top = row.reduce((x, y) => Math.max(x, y), Number.NEGATIVE_INFINITY);
    stats.set([top, row.reduce((sum, x) => sum + Math.exp(x - top), 0)], 4 * r);
  }
  return stats;
}

function logSoftmax(row: Float64Array): Float64Array {
  const top = row.reduce((x, y) => Math.max(x, y), Number.NEGATIVE_INFINITY);
  const lse = top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
  return row.map((x) => x - lse);
}
