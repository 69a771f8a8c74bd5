import type { ActivationSink, ActivationSource, SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { KEPT_PARTS, keepRows, loadRows, partWidth } from '../kernels/kept_rows.ts';
import type { RowKeeper } from '../model/generate.ts';

/** Values whose rows lie side by side in one tensor. */
interface Group {
  /** Places of the values in the order of the forward pass, and floats of a row of each. */
  readonly places: readonly number[];
  readonly widths: readonly number[];
  /** [rows of the store, sum of the widths]. */
  readonly kept: Tensor;
}

/**
 * What the passes of a rollout leave for the gradient: a row of each activation that a rule reads, for every token. The
 * vectors do not change between sampling and the gradient, and a row has the same bits whether it was decoded from the
 * cache or computed with all others, so the training pass takes them from here instead of running the layers again.
 *
 * Passes are kept one after the other. Where the next goes is a number on the GPU, so that a recorded pass can be sent
 * again. Up to six activations lie side by side in one tensor.
 */
export class ActivationStore implements RowKeeper {
  readonly target: SteeringTarget;
  readonly #device: Device;
  readonly #rows: number;
  readonly #cursor: Tensor;
  readonly #groups: Group[] = [];
  #used = 0;

  /** @param rows that are kept at the most; their memory is taken with the first pass */
  constructor(device: Device, target: SteeringTarget, rows: number) {
    this.#device = device;
    this.target = target;
    this.#rows = rows;
    this.#cursor = device.arena.alloc([1], 'u32', 'next kept row', { outlives: true });
  }

  open(n: number): number | undefined {
    const first = this.#used;
    if (first + n > this.#rows) return undefined;
    this.#used += n;
    this.#device.write(this.#cursor, Uint32Array.of(first));
    return first;
  }

  sink(n: number): ActivationSink {
    const widest = Math.floor(this.#device.arena.largestTensor / (4 * this.#rows));
    return new Sink(widest, (tape, g, places, parts) => {
      const widths = parts.map(partWidth);
      const kept = this.#groups[g]?.kept ?? this.#alloc(widths);
      this.#groups[g] = { places, widths, kept };
      keepRows(tape.rec, { parts, kept, base: this.#cursor }, { n });
    });
  }

  /** For a pass over these rows of the store; to be disposed of when it is done. */
  source(rows: readonly number[]): StoredRows {
    return new StoredRows(this.#device, this.#groups, rows);
  }

  dispose(): void {
    for (const tensor of [this.#cursor, ...this.#groups.map(({ kept }) => kept)]) this.#device.arena.free(tensor);
    this.#groups.length = 0;
  }

  #alloc(widths: readonly number[]): Tensor {
    const width = widths.reduce((a, b) => a + b, 0);
    return this.#device.arena.alloc([this.#rows, width], 'f32', 'kept rows', { exact: true, outlives: true });
  }
}

/**
 * Collects the values of one pass into groups: those of a width that is a multiple of 4, and the others. A group is closed
 * when it has six parts or its rows would be longer than `widest` floats.
 */
class Sink implements ActivationSink {
  readonly #widest: number;
  readonly #keep: (tape: Tape, group: number, places: readonly number[], parts: readonly Tensor[]) => void;
  readonly #open: Record<'wide' | 'narrow', [number, Value][]> = { wide: [], narrow: [] };
  #taken = 0;
  #closed = 0;

  constructor(
    widest: number,
    keep: (tape: Tape, group: number, places: readonly number[], parts: readonly Tensor[]) => void,
  ) {
    this.#widest = widest;
    this.#keep = keep;
  }

  take(tape: Tape, value: Value): void {
    const kind = partWidth(value.tensor) % 4 === 0 ? 'wide' : 'narrow';
    const open = this.#open[kind];
    const floats = open.reduce((sum, [, { tensor }]) => sum + partWidth(tensor), partWidth(value.tensor));
    if (open.length === KEPT_PARTS || floats > this.#widest) this.#close(tape, kind);
    this.#open[kind].push([this.#taken++, tape.retain(value)]);
  }

  flush(tape: Tape): void {
    this.#close(tape, 'wide');
    this.#close(tape, 'narrow');
  }

  #close(tape: Tape, kind: 'wide' | 'narrow'): void {
    const open = this.#open[kind];
    if (open.length === 0) return;
    this.#open[kind] = [];
    const values = open.map(([, value]) => value);
    const places = open.map(([place]) => place);
    this.#keep(
      tape,
      this.#closed++,
      places,
      values.map(({ tensor }) => tensor),
    );
    tape.release(...values);
  }
}

/** Rows of a store in the order of a packed pass. A group is loaded when the first of its values is asked for. */
class StoredRows implements ActivationSource {
  readonly #device: Device;
  readonly #groups: readonly Group[];
  readonly #rows: Tensor;
  readonly #loaded = new Map<number, Tensor>();
  readonly #spare: readonly Tensor[];

  constructor(device: Device, groups: readonly Group[], rows: readonly number[]) {
    this.#device = device;
    this.#groups = groups;
    this.#rows = device.upload(Uint32Array.from(rows), [rows.length], 'u32', 'kept rows of the pass');
    this.#spare = Array.from({ length: KEPT_PARTS - 1 }, () => device.arena.alloc([4], 'f32', 'spare'));
  }

  give(tape: Tape, index: number): Tensor {
    if (!this.#loaded.has(index)) this.#load(tape, index);
    const tensor = this.#loaded.get(index) as Tensor;
    this.#loaded.delete(index);
    return tensor;
  }

  dispose(): void {
    for (const tensor of [...this.#loaded.values(), this.#rows, ...this.#spare]) this.#device.arena.free(tensor);
    this.#loaded.clear();
  }

  #load(tape: Tape, index: number): void {
    const { places, widths, kept } = this.#groups.find((group) => group.places.includes(index)) as Group;
    const n = this.#rows.shape[0] as number;
    const parts = widths.map((width) => this.#device.arena.alloc([n, width], 'f32', 'kept'));
    loadRows(tape.rec, { kept, rows: this.#rows, parts, spare: this.#spare }, { n });
    for (const [i, place] of places.entries()) this.#loaded.set(place, parts[i] as Tensor);
  }
}
