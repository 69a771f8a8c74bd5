import { describe, expect, it } from 'vitest';
import { parting, shadeOf } from '../../web/views/steer/marks.ts';

describe('the marks on tokens', () => {
  it('shades by how much likelier a token became, and hardly changed is not changed', () => {
    expect([0.05, 0.1, 0.69, 0.7, 5, -0.2, -9].map(shadeOf)).toEqual([0, 1, 1, 2, 3, -1, -3]);
    expect([undefined, Number.NaN].map(shadeOf)).toEqual([0, 0]);
  });

  it('finds where two texts part; a longer text has not parted from its beginning', () => {
    const ids = (...of: number[]) => of.map((id) => ({ id }));
    expect(parting(ids(1, 2, 3), ids(1, 2, 4))).toBe(2);
    expect(parting(ids(1, 2, 3), ids(1, 2))).toBeUndefined();
    expect(parting(ids(5), ids(6, 7))).toBe(0);
  });
});
