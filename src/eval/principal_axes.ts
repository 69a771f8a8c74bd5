/** The directions along which rows differ most. */
export interface PrincipalAxes {
  /** What is taken from a row before it is projected, [C]: the rows' mean, or zeros. */
  readonly mean: Float64Array;
  /**
   * Orthonormal, [k][C], largest variance first, each with its largest coordinate (in magnitude, the first of equals) positive;
   * zeros where the rows have no direction left.
   */
  readonly axes: readonly Float64Array[];
  /** Share of the rows' whole sum of squares that lies along each axis, [k]. */
  readonly explained: readonly number[];
}

/** Coordinates of a row on the axes, [k]. */
export function projected({ mean, axes }: PrincipalAxes, row: Float32Array): number[] {
  return axes.map((axis) => {
    let sum = 0;
    for (let j = 0; j < axis.length; j++) sum += (axis[j] as number) * ((row[j] as number) - (mean[j] as number));
    return sum;
  });
}
