import type { HeadPairs } from '../autograd/rules.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { ownRows, type PrefixTree, prefixTree } from './prefix_tree.ts';

/** One prompt and the completions that share it. */
export interface Group {
  readonly prompt: readonly number[];
  readonly completions: readonly (readonly number[])[];
}

/** A token of a completion: the prompt's count from -prompt.length to -1. */
export interface Origin {
  readonly group: number;
  readonly completion: number;
  readonly token: number;
}

/**
 * Groups packed end to end: a prompt's rows once, then its completions' as a walk through their tree (`prefixTree`), each without
 * its last token (which predicts nothing). So a key's queries are one range, the rows below it. A row's keys are two, its
 * prompt's and its completion's up to itself; where completions share more than the prompt those do not lie side by side,
 * and `ranges` index `paths`.
 */
export interface Packed {
  /** Rows. */
  readonly n: number;
  readonly ids: Uint32Array; // [N]
  readonly positions: Uint32Array; // [N]
  readonly ranges: Uint32Array; // [N, 4] prefix_start, prefix_end, own_start, own_end
  /** The row of each key that `ranges` names: a prompt's, then those on the way to each completion. None: the rows themselves. */
  readonly paths: Uint32Array | undefined; // [M]
  readonly keyQueries: Uint32Array; // [N, 2] first query, end
  /** A completion that the row is of; it may be of others too. */
  readonly rowOrigin: readonly Origin[]; // [N]
  /** Rows whose next token is wanted, distinct and ascending. */
  readonly headRows: Uint32Array; // [R]
  /** Sorted by head row; `pairRow` indexes `headRows`. */
  readonly pairRow: Uint32Array; // [P]
  readonly pairStart: Uint32Array; // [R + 1]
  readonly targets: Uint32Array; // [P]
  readonly pairOrigin: readonly Origin[]; // [P]
}

/** Packs groups; every completion token becomes a (row, target) pair. Prompts must not be empty. */
export function pack(groups: readonly Group[]): Packed {
  const trees = groups.map(treeOf);
  const n = trees.reduce((sum, tree) => sum + tree.rows, 0);
  const ids = new Uint32Array(n);
  const positions = new Uint32Array(n);
  const ranges = new Uint32Array(4 * n);
  const keyQueries = new Uint32Array(2 * n);
  const paths: number[] = [];
  const rowOrigin: Origin[] = [];
  const pairsOf: Origin[][] = [];
  const close = (rows: readonly number[]) => {
    for (const row of rows) keyQueries.set([row, rowOrigin.length], 2 * row);
  };
  groups.forEach(({ prompt, completions }, group) => {
    if (prompt.length === 0) throw new Error('a prompt must hold at least one token');
    const { order, shared } = trees[group] as PrefixTree;
    const prefix = paths.length;
    const prefixEnd = prefix + prompt.length;
    const put = (token: number, position: number, completion: number, keys: readonly number[]) => {
      const row = rowOrigin.length;
      ids[row] = token;
      positions[row] = position;
      ranges.set(keys, 4 * row);
      rowOrigin.push({ group, completion, token: position - prompt.length });
      pairsOf.push([]);
      return row;
    };
    const promptRows = prompt.map((token, i) => put(token, i, order[0] ?? 0, [prefix, prefix, prefix, prefix + i + 1]));
    paths.push(...promptRows);
    const path: number[] = [];
    order.forEach((completion, i) => {
      const tokens = completions[completion] as readonly number[];
      close(path.splice(shared[i] as number));
      const start = paths.length;
      for (let at = path.length; at < ownRows(tokens); at++) {
        const keys = [prefix, prefixEnd, start, start + at + 1];
        path.push(put(tokens[at] as number, prompt.length + at, completion, keys));
      }
      if (path.length > (shared[i] as number)) paths.push(...path);
      for (const token of tokens.keys()) {
        const row = token === 0 ? promptRows.at(-1) : path[token - 1];
        pairsOf[row as number]?.push({ group, completion, token });
      }
    });
    close([...promptRows, ...path]);
  });
  return {
    n,
    ids,
    positions,
    ranges,
    paths: paths.length > n ? Uint32Array.from(paths) : undefined,
    keyQueries,
    rowOrigin,
    ...headTables(groups, pairsOf),
  };
}

/** What the head takes, of the pairs of each row. */
function headTables(groups: readonly Group[], pairsOf: readonly (readonly Origin[])[]) {
  const rows = pairsOf.flatMap((pairs, row) => (pairs.length > 0 ? [row] : []));
  const pairOrigin = pairsOf.flat();
  const starts = [0];
  for (const row of rows) starts.push((starts.at(-1) as number) + (pairsOf[row]?.length as number));
  return {
    headRows: Uint32Array.from(rows),
    pairRow: Uint32Array.from(rows.flatMap((row, i) => (pairsOf[row] ?? []).map(() => i))),
    pairStart: Uint32Array.from(starts),
    targets: Uint32Array.from(
      pairOrigin,
      ({ group, completion, token }) => groups[group]?.completions[completion]?.[token] as number,
    ),
    pairOrigin,
  };
}

/** One sequence on its own: all rows predict their next token. */
export function packSequence(ids: readonly number[]): Packed {
  return pack([{ prompt: ids.slice(0, 1), completions: [ids.slice(1)] }]);
}

/**
 * Rows that a group counts for in a micro-batch: in the middle between those that are computed and those whose keys and values
 * are gathered. So it never takes more memory than as many rows that share nothing.
 */
export function packedRows(group: Group): number {
  const { rows, pathRows } = treeOf(group);
  return Math.ceil((rows + pathRows) / 2);
}

export function treeOf({ prompt, completions }: Group): PrefixTree {
  return prefixTree(prompt.length, completions);
}

/** The packed tables on the device. */
export interface PackedTables {
  readonly n: number;
  readonly ids: Tensor;
  readonly positions: Tensor;
  readonly ranges: Tensor;
  readonly paths: Tensor | undefined;
  readonly keyQueries: Tensor;
  readonly headRows: Tensor;
  readonly pairs: HeadPairs;
  free(): void;
}

/**
 * The tables of one sequence that is read and not trained on: every token has a row, the last one too, for a closing token that is
 * never run follows it. To be freed by the caller.
 */
export function uploadSequence(device: Device, ids: readonly number[]): PackedTables {
  return uploadPacked(device, packSequence([...ids, 0]));
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
    paths: packed.paths && up(packed.paths, [packed.paths.length], 'paths'),
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
