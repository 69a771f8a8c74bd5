import type { PrincipalAxes } from './principal_axes.ts';
import { dot, singularValues } from './singular_values.ts';

/** Up to so many rows or columns all eigenvectors are taken; beyond it only those wanted are iterated. */
const DENSE = 160;
/** Vectors that are iterated beyond the wanted ones: the more, the sooner those settle. */
const SPARE = 6;
const MAX_ITERATIONS = 400;
/** Of the largest eigenvalue: below it a direction is rounding. */
const NOTHING = 1e-12;

/**
 * The first `k` principal axes of rows, in f64.
 *
 * The smaller of the two Gram matrices is decomposed: `X Xᵀ` [n, n] or `Xᵀ X` [C, C]. Where both are large, subspace iteration
 * with a Rayleigh-Ritz step (Golub and Van Loan, 8.2) goes on until the wanted eigenvalues stand still to 1e-11 of the largest.
 *
 * @param rows finite, n of [C]
 * @param centred whether their mean is taken away first; false for differences, whose zero means something
 */
export function principalAxes(rows: readonly Float32Array[], k: number, centred = true): PrincipalAxes {
  const n = rows.length;
  const c = rows[0]?.length ?? 0;
  const mean = new Float64Array(c);
  if (centred)
    for (const row of rows) for (let j = 0; j < c; j++) mean[j] = (mean[j] as number) + (row[j] as number) / n;
  const x = rows.map((row) => Float64Array.from(row, (value, j) => value - (mean[j] as number))); // [n, C]
  const total = x.reduce((sum, row) => sum + dot(row, row), 0);
  const { values, axes } = Math.min(n, c) <= DENSE ? decomposed(x, c, k) : iterated(x, c, k);
  return {
    mean,
    axes: axes.map(signed),
    explained: values.map((value) => (total > 0 ? Math.max(0, value) / total : 0)),
  };
}

interface Eigen {
  readonly values: readonly number[];
  readonly axes: readonly Float64Array[];
}

function decomposed(x: readonly Float64Array[], c: number, k: number): Eigen {
  const wide = x.length < c;
  const gram = wide ? x.map((a) => x.map((b) => dot(a, b))) : columnProducts(x, c);
  const { values, vectors } = singularValues(gram);
  const largest = values[0] ?? 0;
  const axes = Array.from({ length: k }, (_, i) => {
    if (!((values[i] ?? 0) > NOTHING * largest)) return new Float64Array(c);
    return wide ? unit(combined(x, vectors[i] as Float64Array, c)) : (vectors[i] as Float64Array);
  });
  return { values: Array.from({ length: k }, (_, i) => values[i] ?? 0), axes };
}

function iterated(x: readonly Float64Array[], c: number, k: number): Eigen {
  const width = k + SPARE;
  // The rows themselves are the best guess of where the variance lies; spread over them all.
  const stride = Math.floor(x.length / width);
  let basis = orthonormal(Array.from({ length: width }, (_, i) => Float64Array.from(x[i * stride] as Float64Array)));
  let before: readonly number[] = [];
  for (let iteration = 0; ; iteration++) {
    const images = basis.map((v) =>
      combined(
        x,
        Float64Array.from(x, (row) => dot(row, v)),
        c,
      ),
    );
    const { values, vectors } = singularValues(basis.map((a) => images.map((b) => dot(a, b))));
    const largest = values[0] ?? 0;
    const settled = values.slice(0, k).every((value, i) => Math.abs(value - (before[i] ?? 0)) <= 1e-11 * largest);
    if (settled || iteration === MAX_ITERATIONS) {
      const axes = vectors.slice(0, k).map((weights) => unit(combined(basis, weights, c)));
      return {
        values: Array.from({ length: k }, (_, i) => values[i] ?? 0),
        axes: Array.from({ length: k }, (_, i) =>
          (values[i] ?? 0) > NOTHING * largest ? (axes[i] as Float64Array) : new Float64Array(c),
        ),
      };
    }
    before = values;
    basis = orthonormal(vectors.map((weights) => combined(images, weights, c)));
  }
}

function columnProducts(x: readonly Float64Array[], c: number): number[][] {
  const gram = Array.from({ length: c }, () => new Array<number>(c).fill(0));
  for (const row of x) {
    for (let i = 0; i < c; i++) {
      const line = gram[i] as number[];
      for (let j = 0; j <= i; j++) line[j] = (line[j] as number) + (row[i] as number) * (row[j] as number);
    }
  }
  for (let i = 0; i < c; i++) for (let j = 0; j < i; j++) (gram[j] as number[])[i] = (gram[i] as number[])[j] as number;
  return gram;
}

/** `Σ weights[i] rows[i]`, [C] */
function combined(rows: readonly Float64Array[], weights: Float64Array, c: number): Float64Array {
  const sum = new Float64Array(c);
  rows.forEach((row, i) => {
    const weight = weights[i] as number;
    for (let j = 0; j < c; j++) sum[j] = (sum[j] as number) + weight * (row[j] as number);
  });
  return sum;
}

/** Gram-Schmidt, twice for the digits; vectors that hang on those before them are left out. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of vectors) {
    const size = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const along = dot(vector, other);
        for (let j = 0; j < vector.length; j++) vector[j] = (vector[j] as number) - along * (other[j] as number);
      }
    }
    if (Math.sqrt(dot(vector, vector)) > NOTHING * size) basis.push(unit(vector));
  }
  return basis;
}

function unit(vector: Float64Array): Float64Array {
  const size = Math.sqrt(dot(vector, vector));
  return size > 0 ? vector.map((value) => value / size) : vector;
}

function signed(axis: Float64Array): Float64Array {
  const most = axis.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return most < 0 ? axis.map((value) => -value) : axis;
}
