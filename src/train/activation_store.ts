import type { ActivationSink, ActivationSource, SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { KEPT_PARTS, keepRows, loadRows, partWidth } from '../kernels/kept_rows.ts';
import type { Capture } from '../model/generate.ts';

/** Rows that are allocated together: completions may end early, and what they do not need is never taken. */
export const CHUNK_ROWS = 512;

/** Values whose rows lie side by side in one tensor of a chunk. */
interface Group {
  /** Places of the values in the order of the forward pass, and floats of a row of each. */
  readonly places: readonly number[];
  readonly widths: readonly number[];
}

/**
 * What the passes of a rollout leave for the gradient: a row of each activation that a rule reads, for every token. The
 * vectors do not change between sampling and the gradient, and a row has the same bits whether it was decoded from the
 * cache or computed with all others, so the training pass takes them from here instead of running the layers again.
 *
 * Up to six activations lie side by side in a tensor [CHUNK_ROWS, widths], and a chunk has one for each such group.
 */
export class ActivationStore implements Capture {
  readonly target: SteeringTarget;
  readonly #device: Device;
  readonly #capacity: number;
  readonly #chunks: Tensor[][] = [];
  #groups: Group[] = [];
  #used = 0;

  /** @param rows that are kept at the most; memory is taken as they come */
  constructor(device: Device, target: SteeringTarget, rows: number) {
    this.#device = device;
    this.target = target;
    this.#capacity = rows;
  }

  open(n: number): { sink: ActivationSink; first: number } | undefined {
    const first = this.#used;
    if (first + n > this.#capacity) return undefined;
    this.#used += n;
    return { sink: this.sink(first, n), first };
  }

  /** Writes rows [first, first + n). */
  sink(first: number, n: number): ActivationSink {
    return new Sink(this, first, n, this.#device.arena.largestTensor);
  }

  /** For a pass over these rows of the store; to be disposed of when it is done. */
  source(rows: readonly number[]): StoredRows {
    return new StoredRows(this.#device, this.#groups, this.#chunks, rows);
  }

  /** Takes a group's values over for rows [first, first + n) of the store. */
  keep(tape: Tape, g: number, places: readonly number[], values: readonly Value[], first: number, n: number): void {
    const parts = values.map((value) => value.tensor);
    this.#groups[g] = { places, widths: parts.map(partWidth) };
    for (let row = first; row < first + n; ) {
      const base = row % CHUNK_ROWS;
      const count = Math.min(CHUNK_ROWS - base, first + n - row);
      const kept = this.#chunk((row - base) / CHUNK_ROWS, g);
      keepRows(tape.rec, { parts, kept }, { n: count, first: row - first, base });
      row += count;
    }
  }

  dispose(): void {
    for (const tensor of this.#chunks.flat()) this.#device.arena.free(tensor);
    this.#chunks.length = 0;
    this.#used = 0;
  }

  #chunk(index: number, g: number): Tensor {
    this.#chunks[index] ??= [];
    const tensors = this.#chunks[index] as Tensor[];
    const width = (this.#groups[g] as Group).widths.reduce((a, b) => a + b, 0);
    tensors[g] ??= this.#device.arena.alloc([CHUNK_ROWS, width], 'f32', 'kept rows', { exact: true, outlives: true });
    return tensors[g] as Tensor;
  }
}

/** Collects the values of one pass into groups: those of a width that is a multiple of 4, and the others. */
class Sink implements ActivationSink {
  readonly #store: ActivationStore;
  readonly #first: number;
  readonly #n: number;
  readonly #limit: number;
  readonly #open = { wide: [] as [number, Value][], narrow: [] as [number, Value][] };
  #taken = 0;
  #closed = 0;

  constructor(store: ActivationStore, first: number, n: number, limit: number) {
    this.#store = store;
    this.#first = first;
    this.#n = n;
    this.#limit = limit;
  }

  take(tape: Tape, value: Value): void {
    const kind = partWidth(value.tensor) % 4 === 0 ? 'wide' : 'narrow';
    const open = this.#open[kind];
    const floats = open.reduce((sum, [, { tensor }]) => sum + partWidth(tensor), partWidth(value.tensor));
    if (open.length === KEPT_PARTS || 4 * CHUNK_ROWS * floats > this.#limit) this.#close(tape, kind);
    this.#open[kind].push([this.#taken++, tape.retain(value)]);
  }

  end(tape: Tape): void {
    this.#close(tape, 'wide');
    this.#close(tape, 'narrow');
  }

  #close(tape: Tape, kind: 'wide' | 'narrow'): void {
    const open = this.#open[kind];
    if (open.length === 0) return;
    this.#open[kind] = [];
    const values = open.map(([, value]) => value);
    const places = open.map(([place]) => place);
    this.#store.keep(tape, this.#closed++, places, values, this.#first, this.#n);
    tape.release(...values);
  }
}

/** Rows of a store in the order of a packed pass. A group is loaded when the first of its values is asked for. */
class StoredRows implements ActivationSource {
  readonly #device: Device;
  readonly #groups: readonly Group[];
  readonly #chunks: readonly (readonly Tensor[])[];
  readonly #n: number;
  readonly #moves: Tensor;
  /** Entries of the table that move rows of each chunk. */
  readonly #runs: { chunk: number; first: number; n: number }[] = [];
  readonly #loaded = new Map<number, Tensor>();
  readonly #spare: readonly Tensor[];

  constructor(
    device: Device,
    groups: readonly Group[],
    chunks: readonly (readonly Tensor[])[],
    rows: readonly number[],
  ) {
    this.#device = device;
    this.#groups = groups;
    this.#chunks = chunks;
    this.#n = rows.length;
    const byChunk: number[][] = chunks.map(() => []);
    for (const [to, row] of rows.entries()) byChunk[Math.floor(row / CHUNK_ROWS)]?.push(row % CHUNK_ROWS, to);
    let first = 0;
    for (const [chunk, moves] of byChunk.entries()) {
      if (moves.length > 0) this.#runs.push({ chunk, first, n: moves.length / 2 });
      first += moves.length / 2;
    }
    this.#moves = device.upload(Uint32Array.from(byChunk.flat()), [this.#n, 2], 'u32', 'kept rows of the pass');
    this.#spare = Array.from({ length: KEPT_PARTS - 1 }, () => device.arena.alloc([4], 'f32', 'spare'));
  }

  give(tape: Tape, index: number): Tensor {
    if (!this.#loaded.has(index)) this.#load(tape, index);
    const tensor = this.#loaded.get(index) as Tensor;
    this.#loaded.delete(index);
    return tensor;
  }

  dispose(): void {
    for (const tensor of [...this.#loaded.values(), this.#moves, ...this.#spare]) this.#device.arena.free(tensor);
    this.#loaded.clear();
  }

  #load(tape: Tape, index: number): void {
    const g = this.#groups.findIndex(({ places }) => places.includes(index));
    const { places, widths } = this.#groups[g] as Group;
    const parts = widths.map((width) => this.#device.arena.alloc([this.#n, width], 'f32', 'kept'));
    for (const { chunk, first, n } of this.#runs) {
      const kept = this.#chunks[chunk]?.[g] as Tensor;
      loadRows(tape.rec, { kept, moves: this.#moves, parts, spare: this.#spare }, { n, first });
    }
    for (const [i, place] of places.entries()) this.#loaded.set(place, parts[i] as Tensor);
  }
}
