/** `kept` [rows, Σ widths] after its rows base … base + n - 1 took rows first … first + n - 1 of the parts, side by side. */
export function keepRows(
  parts: readonly { readonly data: Float64Array; readonly width: number }[],
  kept: Float64Array,
  { n, first, base }: { n: number; first: number; base: number },
): Float64Array {
  const result = kept.slice();
  const stride = parts.reduce((sum, { width }) => sum + width, 0);
  for (let r = 0; r < n; r++) {
    let at = (base + r) * stride;
    for (const { data, width } of parts) {
      for (let j = 0; j < width; j++) result[at++] = data[(first + r) * width + j] as number;
    }
  }
  return result;
}

/** Part `which` [rows, widths[which]] after the moves (from, to) from `first` on, `n` of them. */
export function loadRows(
  kept: Float64Array,
  moves: Float64Array,
  part: Float64Array,
  widths: readonly number[],
  which: number,
  { n, first }: { n: number; first: number },
): Float64Array {
  const result = part.slice();
  const stride = widths.reduce((a, b) => a + b, 0);
  const offset = widths.slice(0, which).reduce((a, b) => a + b, 0);
  const width = widths[which] as number;
  for (let entry = first; entry < first + n; entry++) {
    const [from, to] = [moves[2 * entry] as number, moves[2 * entry + 1] as number];
    for (let j = 0; j < width; j++) result[to * width + j] = kept[from * stride + offset + j] as number;
  }
  return result;
}
