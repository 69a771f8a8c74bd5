/** The logit lens in f64: `W x` for each row x of [n, C], and its cosine with each row of W [V, C]. */
export function lensReference(
  weight: ArrayLike<number>,
  rows: ArrayLike<number>,
  c: number,
): { dot: number[][]; cosine: number[][] } {
  const [v, n] = [weight.length / c, rows.length / c];
  const product = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number) => {
    let sum = 0;
    for (let k = 0; k < c; k++) sum += (a[i * c + k] as number) * (b[j * c + k] as number);
    return sum;
  };
  const dot = Array.from({ length: n }, (_, i) => Array.from({ length: v }, (_, j) => product(rows, i, weight, j)));
  const cosine = dot.map((scores, i) =>
    scores.map((score, j) => score / Math.sqrt(product(rows, i, rows, i) * product(weight, j, weight, j))),
  );
  return { dot, cosine };
}
