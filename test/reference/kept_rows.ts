/** `kept` [rows, Σ widths] after its rows base … base + n - 1 took the parts' rows, side by side. */
export function keepRows(
  parts: readonly { readonly data: Float64Array; readonly width: number }[],
  kept: Float64Array,
  { n, base }: { n: number; base: number },
): Float64Array {
  const result = kept.slice();
  const stride = parts.reduce((sum, { width }) => sum + width, 0);
  for (let r = 0; r < n; r++) {
    let at = (base + r) * stride;
    for (const { data, width } of parts) {
      for (let j = 0; j < width; j++) result[at++] = data[r * width + j] as number;
    }
  }
  return result;
}

/** Part `which` [rows, widths[which]] out of `kept`: its row r is from kept[rows[r]]. */
export function loadRows(
  kept: Float64Array,
  rows: Float64Array,
  widths: readonly number[],
  which: number,
): Float64Array {
  const stride = widths.reduce((a, b) => a + b, 0);
  const offset = widths.slice(0, which).reduce((a, b) => a + b, 0);
  const width = widths[which] as number;
  const result = new Float64Array(rows.length * width);
  rows.forEach((from, r) => {
    for (let j = 0; j < width; j++) result[r * width + j] = kept[from * stride + offset + j] as number;
  });
  return result;
}
