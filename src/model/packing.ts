import type { HeadPairs } from '../autograd/rules.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';

/** One prompt and the completions that share it. */
export interface Group {
  readonly prompt: readonly number[];
  readonly completions: readonly (readonly number[])[];
}

/**
 * Groups packed end to end: a prompt's rows once, then each completion's rows without its last token (which predicts
 * nothing). A row's keys are two ranges, its prompt's and its own; a key's queries are one range, because a group's rows
 * are contiguous: a prompt key is read to the end of its group, a completion key to the end of its completion.
 */
export interface Packed {
  /** Rows. */
  readonly n: number;
  readonly ids: Uint32Array; // [N]
  readonly positions: Uint32Array; // [N]
  readonly ranges: Uint32Array; // [N, 4] prefix_start, prefix_end, own_start, own_end
  readonly keyQueries: Uint32Array; // [N, 2] first query, end
  /** Rows whose next token is wanted, distinct and ascending. */
  readonly headRows: Uint32Array; // [R]
  /** Sorted by head row; `pairRow` indexes `headRows`. */
  readonly pairRow: Uint32Array; // [P]
  readonly pairStart: Uint32Array; // [R + 1]
  readonly targets: Uint32Array; // [P]
  /** Where the pair stands: group, completion and token within it. */
  readonly pairOrigin: readonly { group: number; completion: number; token: number }[];
}

/** Packs groups; every completion token becomes a (row, target) pair. Prompts must not be empty. */
export function pack(groups: readonly Group[]): Packed {
  const n = groups.reduce((sum, g) => sum + packedRows(g), 0);
  const ids = new Uint32Array(n);
  const positions = new Uint32Array(n);
  const ranges = new Uint32Array(4 * n);
  const keyQueries = new Uint32Array(2 * n);
  const headRows: number[] = [];
  const pairRow: number[] = [];
  const pairStart: number[] = [];
  const targets: number[] = [];
  const pairOrigin: { group: number; completion: number; token: number }[] = [];
  let row = 0;
  groups.forEach(({ prompt, completions }, group) => {
    if (prompt.length === 0) throw new Error('a prompt must hold at least one token');
    const start = row;
    const promptEnd = start + prompt.length;
    const end = start + packedRows({ prompt, completions });
    const put = (
      token: number,
      position: number,
      range: readonly [number, number, number, number],
      lastQuery: number,
    ) => {
      ids[row] = token;
      positions[row] = position;
      ranges.set(range, 4 * row);
      keyQueries.set([row, lastQuery], 2 * row);
      row++;
    };
    for (const [i, token] of prompt.entries()) put(token, i, [start, start, start, start + i + 1], end);
    const predict = (at: number, pairs: readonly { completion: number; token: number }[]) => {
      if (pairs.length === 0) return;
      pairStart.push(targets.length);
      for (const { completion, token } of pairs) {
        pairRow.push(headRows.length);
        targets.push(completions[completion]?.[token] as number);
        pairOrigin.push({ group, completion, token });
      }
      headRows.push(at);
    };
    predict(
      promptEnd - 1,
      completions.flatMap((tokens, completion) => (tokens.length > 0 ? [{ completion, token: 0 }] : [])),
    );
    completions.forEach((tokens, completion) => {
      const first = row;
      const completionEnd = first + Math.max(0, tokens.length - 1);
      for (let i = 0; i + 1 < tokens.length; i++) {
        predict(row, [{ completion, token: i + 1 }]);
        put(tokens[i] as number, prompt.length + i, [start, promptEnd, first, first + i + 1], completionEnd);
      }
    });
  });
  pairStart.push(targets.length);
  return {
    n,
    ids,
    positions,
    ranges,
    keyQueries,
    headRows: Uint32Array.from(headRows),
    pairRow: Uint32Array.from(pairRow),
    pairStart: Uint32Array.from(pairStart),
    targets: Uint32Array.from(targets),
    pairOrigin,
  };
}

/** One sequence on its own: all rows predict their next token. */
export function packSequence(ids: readonly number[]): Packed {
  return pack([{ prompt: ids.slice(0, 1), completions: [ids.slice(1)] }]);
}

/** Rows that a group takes in the packed layout. */
export function packedRows(group: Group): number {
  return group.completions.reduce((sum, c) => sum + Math.max(0, c.length - 1), group.prompt.length);
}

/** The packed tables on the device. */
export interface PackedTables {
  readonly n: number;
  readonly ids: Tensor;
  readonly positions: Tensor;
  readonly ranges: Tensor;
  readonly keyQueries: Tensor;
  readonly headRows: Tensor;
  readonly pairs: HeadPairs;
  free(): void;
}

export function uploadPacked(device: Device, packed: Packed): PackedTables {
  const made: Tensor[] = [];
  const up = (data: Uint32Array, shape: readonly number[], label: string) => {
    const tensor = device.upload(data, shape, 'u32', label);
    made.push(tensor);
    return tensor;
  };
  const { n } = packed;
  const rows = packed.headRows.length;
  const pairs = packed.targets.length;
  return {
    n,
    ids: up(packed.ids, [n], 'ids'),
    positions: up(packed.positions, [n], 'positions'),
    ranges: up(packed.ranges, [n, 4], 'ranges'),
    keyQueries: up(packed.keyQueries, [n, 2], 'key queries'),
    headRows: up(packed.headRows, [rows], 'head rows'),
    pairs: {
      rows,
      pairs,
      pairRow: up(packed.pairRow, [pairs], 'pair rows'),
      pairStart: up(packed.pairStart, [rows + 1], 'pair starts'),
      targets: up(packed.targets, [pairs], 'targets'),
    },
    free: () => {
      for (const tensor of made) device.arena.free(tensor);
    },
  };
}
