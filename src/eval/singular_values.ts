/** Of a matrix A = U Σ Vᵀ with n rows. */
export interface SingularValues {
  /** Largest first, [n]. */
  readonly values: readonly number[];
  /** The columns of U in the same order, [n] of [n]; eigenvectors where A is symmetric and not negative. */
  readonly vectors: readonly Float64Array[];
}

/** Cosine between rows that counts as a right angle, and share of the longest row below which a row is rounding. */
const NOTHING = 1e-15;
/** Seven or eight do for hundreds of rows. */
const MAX_SWEEPS = 30;

/**
 * One-sided Jacobi (Hestenes 1958; Golub and Van Loan, 8.6.3), in f64: pairs of rows are rotated until all are at right angles;
 * their lengths are the singular values. It works on the matrix itself, so that small values keep the digits which a Gram
 * matrix loses.
 *
 * @param matrix finite, n rows of [C]; their order of length does not matter. Is not changed.
 */
export function singularValues(matrix: readonly ArrayLike<number>[]): SingularValues {
  const rows = matrix.map((row) => Float64Array.from(row));
  const turned = rows.map((_, i) => Float64Array.from(rows, (_, j) => (i === j ? 1 : 0))); // [n, n]
  const floor = NOTHING * Math.sqrt(Math.max(0, ...rows.map((row) => dot(row, row))));
  let rotated = true;
  for (let sweep = 0; rotated && sweep < MAX_SWEEPS; sweep++) {
    rotated = false;
    for (const [i, a] of rows.entries()) {
      for (const [j, b] of rows.entries()) {
        if (j <= i) continue;
        const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
        const [short, long] = aa < bb ? [aa, bb] : [bb, aa];
        if (Math.sqrt(short) <= floor || Math.abs(ab) <= NOTHING * rows.length * Math.sqrt(short * long)) continue;
        rotated = true;
        const slope = (bb - aa) / (2 * ab);
        const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(1, slope));
        rotate(a, b, tangent);
        rotate(turned[i] as Float64Array, turned[j] as Float64Array, tangent);
      }
    }
  }
  const order = rows
    .map((row, i) => ({ value: Math.sqrt(dot(row, row)), vector: turned[i] as Float64Array }))
    .sort((a, b) => b.value - a.value);
  return { values: order.map(({ value }) => value), vectors: order.map(({ vector }) => vector) };
}

function rotate(a: Float64Array, b: Float64Array, tangent: number): void {
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = cosine * tangent;
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[k] as number, b[k] as number];
    a[k] = cosine * x - sine * y;
    b[k] = sine * x + cosine * y;
  }
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
