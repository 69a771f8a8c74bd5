/** out [R, C] = inp[rows[r]]; a row that `inp` [N, C] does not have is zeros. */
export function gatherRows(inp: Float64Array, rows: Float64Array, c: number): Float64Array {
  const out = new Float64Array(rows.length * c);
  rows.forEach((row, r) => {
    for (let j = 0; j < c; j++) out[r * c + j] = inp[row * c + j] ?? 0;
  });
  return out;
}

/** `out` [N, C] after out[rows[r]] = inp[r]. */
export function scatterRows(inp: Float64Array, rows: Float64Array, out: Float64Array, c: number): Float64Array {
  const result = out.slice();
  rows.forEach((row, r) => {
    for (let j = 0; j < c; j++) result[row * c + j] = inp[r * c + j] as number;
  });
  return result;
}
