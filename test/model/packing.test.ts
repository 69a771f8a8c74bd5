import { describe, expect, it } from 'vitest';
import { type Group, type Packed, pack, packedRows } from '../../src/model/packing.ts';
import { randomSource } from '../cases/case.ts';

/** Rows of the keys that a row attends, in the order in which it reads them. */
function keysOf({ ranges, paths }: Packed, row: number): number[] {
  const [a, b, c, d] = ranges.subarray(4 * row, 4 * row + 4) as unknown as [number, number, number, number];
  const named = [a, c].flatMap((from, i) => Array.from({ length: (i === 0 ? b : d) - from }, (_, at) => from + at));
  return named.map((at) => (paths ? (paths[at] as number) : at));
}

const text = (packed: Packed, rows: readonly number[]) => rows.map((row) => packed.ids[row] as number);

/** What `pack` promises, row by row and pair by pair. */
function expectPacked(groups: readonly Group[]): Packed {
  const packed = pack(groups);
  const { n, positions, keyQueries, headRows, pairRow, pairStart, pairOrigin, targets, rowOrigin } = packed;
  const readers = Array.from({ length: n }, () => [] as number[]);
  for (let row = 0; row < n; row++) {
    const keys = keysOf(packed, row);
    for (const key of keys) readers[key]?.push(row);
    expect(keys.at(-1)).toBe(row);
    expect(positions[row]).toBe(keys.length - 1);
    const { group, completion, token } = rowOrigin[row] as (typeof rowOrigin)[number];
    const { prompt, completions } = groups[group] as Group;
    const all = [...prompt, ...(completions[completion] ?? [])];
    expect(text(packed, keys)).toEqual(all.slice(0, prompt.length + token + 1));
  }
  readers.forEach((rows, key) => {
    const [first, end] = keyQueries.subarray(2 * key, 2 * key + 2) as unknown as [number, number];
    expect(rows).toEqual(Array.from({ length: end - first }, (_, i) => first + i));
  });
  const wanted = groups.flatMap(({ completions }, group) =>
    completions.flatMap((tokens, completion) => tokens.map((_, token) => `${group} ${completion} ${token}`)),
  );
  const name = ({ group, completion, token }: Packed['pairOrigin'][number]) => `${group} ${completion} ${token}`;
  expect(pairOrigin.map(name).sort()).toEqual(wanted.sort());
  pairOrigin.forEach(({ group, completion, token }, pair) => {
    const { prompt, completions } = groups[group] as Group;
    const tokens = completions[completion] as readonly number[];
    expect(targets[pair]).toBe(tokens[token]);
    expect(text(packed, keysOf(packed, headRows[pairRow[pair] as number] as number))).toEqual([
      ...prompt,
      ...tokens.slice(0, token),
    ]);
  });
  expect([...pairRow]).toEqual([...pairRow].sort((a, b) => a - b));
  expect([...headRows]).toEqual([...new Set(headRows)].sort((a, b) => a - b));
  expect([...pairStart]).toEqual([...headRows.keys(), headRows.length].map((r) => pairRow.filter((x) => x < r).length));
  return packed;
}

describe('packing', () => {
  const prompt = [7, 8, 9];

  it('has the rows of completions that share nothing but the prompt in their order, and no paths', () => {
    const packed = expectPacked([
      { prompt, completions: [[5, 6, 1], [], [4, 3], [2]] },
      { prompt: [1], completions: [[2, 3, 4]] },
    ]);
    expect([...packed.ids]).toEqual([7, 8, 9, 5, 6, 4, 1, 2, 3]);
    expect(packed.paths).toBeUndefined();
    expect(packedRows({ prompt, completions: [[5, 6, 1], [], [4, 3], [2]] })).toBe(6);
  });

  it('has what begins alike once, whatever the order', () => {
    const completions = [[5, 6, 1], [4, 3, 2], [5, 6, 2, 1], [5, 6], [5, 6, 1], [4, 1, 1], [5]];
    const packed = expectPacked([{ prompt, completions }]);
    expect([...packed.ids]).toEqual([7, 8, 9, 4, 1, 3, 5, 6, 2]);
    // The prompt, then the ways to [4, 1], [4, 3] and [5, 6, 2].
    expect([...(packed.paths ?? [])]).toEqual([0, 1, 2, 3, 4, 3, 5, 6, 7, 8]);
    // From the first token's row on, all four completions that begin with 5 read the same rows.
    expect(packed.pairOrigin.filter((_, i) => packed.headRows[packed.pairRow[i] as number] === 6)).toHaveLength(4);
  });

  it('needs no paths where completions are the same or the beginning of another', () => {
    const packed = expectPacked([{ prompt, completions: [[5, 6], [5, 6, 1, 2], [5, 6, 1, 2], [4]] }]);
    expect([...packed.ids]).toEqual([7, 8, 9, 5, 6, 1]);
    expect(packed.paths).toBeUndefined();
  });

  it('leaves completions apart whose shared rows are too few to count', () => {
    const long = (first: number) => [1, ...Array.from({ length: 40 }, (_, i) => (first * i) % 11)];
    const packed = expectPacked([{ prompt, completions: [long(2), long(3)] }]);
    expect(packed.n).toBe(3 + 40 + 40);
    expect(packed.paths).toBeUndefined();
  });

  it('keeps its promises for random completions of few tokens', () => {
    const random = randomSource(5);
    for (let round = 0; round < 40; round++) {
      const ids = (most: number, vocabulary: number) =>
        Array.from({ length: random.integer(most) }, () => random.integer(vocabulary));
      const groups = Array.from({ length: 1 + random.integer(3) }, () => ({
        prompt: [1, ...ids(4, 3)],
        completions: Array.from({ length: random.integer(7) }, () => ids(8, 1 + random.integer(3))),
      }));
      const packed = expectPacked(groups);
      expect(packed.n).toBeLessThanOrEqual(groups.reduce((sum, group) => sum + packedRows(group), 0));
    }
  });
});
