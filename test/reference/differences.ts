/** d/dx of Σ dout * f(x) by central differences, in f64. */
export function centralDifferences(
  f: (x: Float64Array) => Float64Array,
  x: Float64Array,
  dout: Float64Array,
  h = 1e-5,
): Float64Array {
  const objective = (at: Float64Array) => f(at).reduce((sum, value, i) => sum + value * (dout[i] as number), 0);
  return x.map((value, i) => {
    const moved = x.slice();
    moved[i] = value + h;
    const above = objective(moved);
    moved[i] = value - h;
    return (above - objective(moved)) / (2 * h);
  });
}

/** max |a - b|. */
export function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] as number))), 0);
}
