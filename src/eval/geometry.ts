import { dot, singularValues } from './singular_values.ts';

/** How the vectors of a model lie to each other. */
export interface Geometry {
  /** Euclidean norm of each vector, [L]. */
  readonly norms: readonly number[];
  /** Cosine of each pair, [L, L]; 0 where one of the two is zero. */
  readonly cosines: readonly (readonly number[])[];
  /** Of the matrix [L, C] whose rows are the vectors, largest first. */
  readonly singular_values: readonly number[];
  /** `‖S‖_F² / σ_1²` (Rudelson and Vershynin 2007): 1 where all vectors lie on one line, at most L; 0 for zeros alone. */
  readonly stable_rank: number;
}

/**
 * Norms, cosines, singular values and stable rank, in f64. The singular values are of the matrix itself, not roots of the
 * eigenvalues of its Gram matrix, which lose all below 1e-8 of the largest.
 *
 * @param vectors finite, [layers, C]
 */
export function geometryOf(vectors: Float32Array, layers: number): Geometry {
  const c = vectors.length / layers;
  const rows = Array.from({ length: layers }, (_, l) => Float64Array.from(vectors.subarray(l * c, (l + 1) * c)));
  const norms = rows.map((row) => Math.sqrt(dot(row, row)));
  const cosines = rows.map((a, i) =>
    rows.map((b, j) => {
      const size = (norms[i] as number) * (norms[j] as number);
      if (size === 0) return 0;
      return i === j ? 1 : dot(a, b) / size;
    }),
  );
  const { values: singular } = singularValues(layers > c ? transposed(rows) : rows);
  const largest = singular[0] ?? 0;
  const frobenius = norms.reduce((sum, norm) => sum + norm * norm, 0);
  return {
    norms,
    cosines,
    singular_values: singular,
    stable_rank: largest === 0 ? 0 : frobenius / (largest * largest),
  };
}

/** The columns of rows of one length. */
function transposed(rows: readonly Float64Array[]): Float64Array[] {
  return Array.from(rows[0] ?? [], (_, j) => Float64Array.from(rows, (row) => row[j] as number));
}
