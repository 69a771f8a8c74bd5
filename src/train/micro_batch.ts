import { type Group, type Packed, packedRows, treeOf } from '../model/packing.ts';
import type { ActivationStore, KeptGroup } from './activation_store.ts';

/** Some completions of one group. */
export interface Part {
  readonly group: number;
  readonly completions: readonly number[];
}

export type MicroBatch = readonly Part[];

/** Log-probabilities by group and completion, [tokens] each; undefined where nothing was computed. */
export type Logps = readonly (readonly (Float32Array | undefined)[])[];

/** The sequences of a part, for `pack`. */
export function part(groups: readonly Group[], { group, completions }: Part): Group {
  const { prompt, completions: all } = groups[group] as Group;
  return { prompt, completions: completions.map((c) => all[c] as readonly number[]) };
}

/**
 * Cuts groups into micro-batches of at most `maxRows` rows (`packedRows`), in order. A group that does not fit is split over its
 * completions, those side by side that begin alike, each part computing again what it shares with another; a completion is
 * never split.
 *
 * @param wanted leaves out completions that need not be run
 */
export function microBatches<G extends Group>(
  groups: readonly G[],
  maxRows: number,
  wanted: (group: G, completion: number) => boolean = () => true,
): MicroBatch[] {
  const batches: Part[][] = [];
  let room = 0;
  groups.forEach((group, g) => {
    const matter = group.completions.flatMap((ids, c) => (ids.length > 0 && wanted(group, c) ? [c] : []));
    const { order } = treeOf(part(groups, { group: g, completions: matter }));
    const list = order.map((i) => matter[i] as number);
    for (let from = 0; from < list.length; ) {
      let to = list.length;
      const rowsOf = () => packedRows(part(groups, { group: g, completions: list.slice(from, to) }));
      let rows = rowsOf();
      for (; rows > maxRows && to > from + 1; rows = rowsOf()) to--;
      if (rows > room || batches.length === 0) {
        batches.push([]);
        room = maxRows;
      }
      batches.at(-1)?.push({ group: g, completions: list.slice(from, to) });
      room -= rows;
      from = to;
    }
  });
  return batches;
}

/** A micro-batch, with the store where it has the rows of all its completions. */
export interface StoredBatch {
  readonly batch: MicroBatch;
  readonly store: ActivationStore | undefined;
}

/** `microBatches` of the completions that a store keeps, then of the others. */
export function keptFirst<G extends KeptGroup>(
  groups: readonly G[],
  { maxRows, store }: { readonly maxRows: number; readonly store?: ActivationStore | undefined },
  wanted: (group: G, completion: number) => boolean = () => true,
): StoredBatch[] {
  const isKept = (group: G, c: number) => store !== undefined && group.kept?.[c] !== undefined;
  const kept = microBatches(groups, maxRows, (group, c) => isKept(group, c) && wanted(group, c));
  const others = microBatches(groups, maxRows, (group, c) => !isKept(group, c) && wanted(group, c));
  return [...kept.map((batch) => ({ batch, store })), ...others.map((batch) => ({ batch, store: undefined }))];
}

/** Puts a micro-batch's values [P] where their tokens stand in the whole batch. */
export function scatter(
  values: Float32Array,
  packed: Packed,
  batch: MicroBatch,
  groups: readonly Group[],
  out: readonly (Float32Array | undefined)[][],
): void {
  packed.pairOrigin.forEach(({ group, completion, token }, i) => {
    const entry = batch[group] as Part;
    const c = entry.completions[completion] as number;
    const rows = out[entry.group] as (Float32Array | undefined)[];
    rows[c] ??= new Float32Array(groups[entry.group]?.completions[c]?.length ?? 0);
    (rows[c] as Float32Array)[token] = values[i] as number;
  });
}
