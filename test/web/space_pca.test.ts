import { describe, expect, it } from 'vitest';
import { principalAxes } from '../../src/eval/pca.ts';
import { type PrincipalAxes, projected } from '../../src/eval/principal_axes.ts';

const rows = (...values: number[][]) => values.map((row) => Float32Array.from(row));

/** Numbers that look random, the same everywhere: Park and Miller's generator. */
function numbers(count: number): number[] {
  let state = 17;
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  });
}

function expectOrthonormal({ axes }: PrincipalAxes, digits: number): void {
  axes.forEach((a, i) => {
    axes.forEach((b, j) => {
      expect(a.reduce((sum, x, k) => sum + x * (b[k] as number), 0)).toBeCloseTo(i === j ? 1 : 0, digits);
    });
  });
}

function expectSame(axis: Float64Array | undefined, other: Float64Array, digits: number): void {
  expect(Array.from(axis ?? [])).toEqual(Array.from(other, (x) => expect.closeTo(x, digits)));
}

/** n rows of c numbers in `rank` directions, each a fifth weaker than the one before, and a little noise. */
function decaying(n: number, c: number, rank: number): Float32Array[] {
  const directions = Array.from({ length: rank }, (_, r) => numbers((r + 1) * c).slice(r * c));
  const weights = numbers(n * rank);
  const noise = numbers(n * c);
  return Array.from({ length: n }, (_, i) =>
    Float32Array.from({ length: c }, (_, j) =>
      directions.reduce(
        (sum, direction, r) => sum + 0.8 ** r * (weights[i * rank + r] as number) * (direction[j] as number),
        0.01 * (noise[i * c + j] as number),
      ),
    ),
  );
}

describe('principal axes', () => {
  it('finds a line, and says that it is all there is', () => {
    const axes = principalAxes(rows([1, 1, 5], [2, 3, 5], [3, 5, 5], [4, 7, 5]), 3);
    expect(axes.mean).toEqual(Float64Array.of(2.5, 4, 5));
    expect(axes.explained[0]).toBeCloseTo(1, 12);
    expect(axes.explained[1]).toBeCloseTo(0, 12);
    const [x, y, z] = axes.axes[0] as Float64Array;
    expect([x, y, z].map((value) => (value as number) * Math.sqrt(5))).toEqual([
      expect.closeTo(1, 10),
      expect.closeTo(2, 10),
      expect.closeTo(0, 10),
    ]);
    expect(axes.axes.slice(1)).toEqual([new Float64Array(3), new Float64Array(3)]);
  });

  it('has the axes and shares of the textbook: 4, 3 and 1 times two points along the coordinates', () => {
    const spread = rows([0, 4, 0, 0], [0, -4, 0, 0], [0, 0, 0, 3], [0, 0, 0, -3], [1, 0, 0, 0], [-1, 0, 0, 0]);
    const axes = principalAxes(spread, 3);
    expect(axes.explained).toEqual([16, 9, 1].map((square) => expect.closeTo(square / 26, 12)));
    expect(axes.axes.map((axis) => axis.findIndex((x) => x > 0.999))).toEqual([1, 3, 0]);
    expect(projected(axes, Float32Array.of(5, 6, 7, 8))).toEqual([6, 8, 5].map((x) => expect.closeTo(x, 10)));
  });

  it('is the same whichever Gram matrix is the smaller one', () => {
    const wide = decaying(20, 48, 6);
    // The rows twice: more rows than columns, and the same axes.
    const tall = [...wide, ...wide, ...wide];
    const [a, b] = [principalAxes(wide, 3), principalAxes(tall, 3)];
    expectOrthonormal(a, 10);
    a.axes.forEach((axis, i) => {
      expect(b.explained[i]).toBeCloseTo(a.explained[i] as number, 10);
      expectSame(b.axes[i], axis, 7);
    });
  });

  it('iterates where both sides are large, to the axes that all eigenvectors give', () => {
    const dense = principalAxes(decaying(200, 150, 40), 3);
    // Columns of zeros change nothing but the way that is taken.
    const padded = decaying(200, 150, 40).map((row) => Float32Array.from({ length: 170 }, (_, j) => row[j] ?? 0));
    const iterated = principalAxes(padded, 3);
    expectOrthonormal(iterated, 10);
    dense.axes.forEach((axis, i) => {
      expect(iterated.explained[i]).toBeCloseTo(dense.explained[i] as number, 9);
      expectSame(iterated.axes[i]?.subarray(0, 150), axis, 4);
    });
  });

  it('turns an axis so that its largest coordinate is positive, whatever the order of the rows', () => {
    const some = decaying(12, 9, 4);
    const [a, b] = [principalAxes(some, 3), principalAxes(some.toReversed(), 3)];
    a.axes.forEach((axis, i) => {
      expect(axis.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0)).toBeGreaterThan(0);
      expectSame(b.axes[i], axis, 8);
    });
  });

  it('takes differences from zero, not from their mean', () => {
    const axes = principalAxes(rows([2, 0], [2, 0.1], [2, -0.1]), 2, false);
    expect(axes.mean).toEqual(new Float64Array(2));
    expect(axes.axes[0]?.[0]).toBeCloseTo(1, 6);
    expect(axes.explained[0]).toBeCloseTo(12 / 12.02, 8);
  });

  it('has axes of zeros for rows that do not differ', () => {
    const { axes, explained } = principalAxes(rows([1, 2, 3], [1, 2, 3]), 3);
    expect(axes).toEqual([new Float64Array(3), new Float64Array(3), new Float64Array(3)]);
    expect(explained).toEqual([0, 0, 0]);
  });
});
