/** `kept` after the numbers of `inp` took the places from `first` on. */
export function keepRows(inp: Float64Array, kept: Float64Array, first: number): Float64Array {
  const result = kept.slice();
  inp.forEach((value, i) => {
    result[first + i] = value;
  });
  return result;
}
