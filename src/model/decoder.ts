import { Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import { Pool } from '../gpu/arena.ts';
import type { Device } from '../gpu/device.ts';
import type { Recording } from '../gpu/recording.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { piecesOf } from '../kernels/attention_pieces.ts';
import { decodeAdvance } from '../kernels/decode_advance.ts';
import { decodeRows } from '../kernels/decode_rows.ts';
import { sample } from '../kernels/sample.ts';
import type { RowKeeper } from './generate.ts';
import type { KVCache } from './kv_cache.ts';
import type { Model } from './model.ts';
import { NO_PLACE, type Prefix, type Results, RING, type Slot, SlotTables } from './slots.ts';
import type { Steering } from './steering.ts';
import { type ForwardOptions, finalNorm, forward, forwardKept, forwardNormed, logits } from './transformer.ts';

/** A prompt that is taken in for the last slots that were loaded. */
export interface Prefill {
  readonly prompt: readonly number[];
  readonly prefix: Prefix;
  /** The slots that begin with it, in their order. */
  readonly slots: readonly unknown[];
  /** Whether the cache has its rows already: then its last row alone is computed again. */
  readonly cached: boolean;
}

interface DecoderOptions {
  /** Slots, at the most. */
  readonly slots: number;
  readonly steering: Steering | undefined;
  readonly stopIds: readonly number[];
  /** The two words of the random key. */
  readonly key: readonly [number, number];
  /** Takes what the gradient reads of every pass, as long as there is room. */
  readonly keeper: RowKeeper | undefined;
}

/**
 * The passes of generation. What a pass needs to know of its slots is in tables on the GPU, and the pass itself moves them
 * to the next token: any number of passes follow one another without the host. A pass begins by giving a row to every
 * class of slots that have the same tokens. One of so many rows is recorded once and sent again, with the same buffers.
 */
export class Decoder {
  readonly #model: Model;
  readonly #device: Device;
  readonly #cache: KVCache;
  readonly #o: DecoderOptions;
  readonly #tables: SlotTables;
  readonly #stopIds: Tensor;
  readonly #pool = new Pool();
  /** By whether its rows are kept, its rows and the slots that it looks at. */
  readonly #recordings = new Map<string, Recording>();
  /** Slots that were loaded, and those that passes look at: a power of two, so that few are recorded. */
  #n = 0;
  #width = 0;
  /** The most rows that were recorded. */
  #widest = 0;
  /** The most that a slot has had of pieces of keys. */
  #pieces = 0;
  /** For each pass since the slots were loaded the row in which the keeper keeps its first, undefined where it does not. */
  #kept: (number | undefined)[] = [];

  constructor(model: Model, cache: KVCache, options: DecoderOptions) {
    this.#model = model;
    this.#device = model.device;
    this.#cache = cache;
    this.#o = options;
    const { slots, stopIds } = options;
    this.#tables = new SlotTables(this.#device, slots);
    this.#stopIds = this.#device.upload(Uint32Array.from(stopIds), [stopIds.length], 'u32', 'stop tokens');
  }

  /** Whether passes would look at fewer slots if so many were loaded. */
  wouldNarrow(slots: number): boolean {
    return this.#widthOf(slots) < this.#width;
  }

  /**
   * Says what the slots 0, 1, … are from now on.
   * @param classes for each the first one of its class, which have the same prompt and the same tokens; itself where it computes alone
   * @param prefills what is taken in next, for the last of the slots
   */
  load(slots: readonly Slot[], classes: readonly number[], prefills: readonly Prefill[] = []): void {
    this.#n = slots.length;
    this.#width = this.#widthOf(slots.length);
    this.#kept = [];
    const pieces = Math.max(...slots.map(({ prefix, cap }) => piecesOf(prefix.length, cap)));
    if (pieces > this.#pieces) {
      this.#pieces = pieces;
      this.#forget();
    }
    const fresh = prefills.flatMap(({ slots }, prompt) => slots.map(() => prompt));
    const rows = [...new Array<undefined>(slots.length - fresh.length), ...fresh];
    this.#tables.load(slots, classes, rows);
  }

  /**
   * Takes in the prompts that were loaded, and draws the first tokens of their slots.
   * @returns the row in which the keeper keeps the first of these, undefined where it does not
   */
  prefill(prefills: readonly Prefill[]): number | undefined {
    const rows = new RowTables(prefills.reduce((sum, { prompt, cached }) => sum + (cached ? 1 : prompt.length), 0));
    const heads: number[] = [];
    for (const { prompt, prefix, cached } of prefills) {
      for (let i = cached ? prompt.length - 1 : 0; i < prompt.length; i++)
        rows.push(prompt[i] as number, i, prefix.start);
      heads.push(rows.n - 1);
    }
    const made: Tensor[] = [];
    const up = (data: Uint32Array, shape: readonly number[], label: string) => {
      const tensor = this.#device.upload(data, shape, 'u32', label);
      made.push(tensor);
      return tensor;
    };
    const { n } = rows;
    const table = {
      n,
      ids: up(rows.ids, [n], 'ids'),
      positions: up(rows.positions, [n], 'positions'),
      ranges: up(rows.ranges, [n, 4], 'ranges'),
    };
    const places = up(rows.places, [n, 4], 'places');
    const headRows = up(Uint32Array.from(heads), [heads.length], 'head rows');
    const kept = this.#o.keeper?.open(n);
    const last = { rows: headRows, n: heads.length };
    const { tape, hidden } = this.#hidden(table, { places, apart: false }, kept !== undefined, last);
    const fresh = prefills.reduce((sum, { slots }) => sum + slots.length, 0);
    this.#draw(tape, hidden, this.#n - fresh, fresh);
    for (const tensor of made) this.#device.arena.free(tensor);
    return kept;
  }

  /** So many passes of so many rows over the slots that were loaded, each drawing a token for those that have a row. */
  decode(passes: number, rows: number): void {
    const rec = this.#device.recorder();
    for (let pass = 0; pass < passes; pass++) {
      const kept = this.#o.keeper?.open(rows);
      this.#kept.push(kept);
      rec.replay(this.#recorded(rows, kept !== undefined), kept);
      rec.submit();
    }
  }

  /** The row in which the keeper keeps a row of a pass, counted from 1 since the slots were loaded. */
  keptRow(pass: number, row: number): number | undefined {
    const first = this.#kept[pass - 1];
    return first === undefined ? undefined : first + row;
  }

  /** The latest tokens, once the passes so far are done. */
  results(): Promise<Results> {
    return this.#tables.results();
  }

  dispose(): void {
    const { arena } = this.#device;
    this.#forget();
    this.#tables.free();
    arena.free(this.#stopIds);
  }

  #widthOf(slots: number): number {
    return Math.min(this.#o.slots, 2 ** Math.ceil(Math.log2(slots)));
  }

  #recorded(rows: number, kept: boolean): Recording {
    if (this.#n > this.#widest) {
      // The buffers of fewer rows would be left over beside those of more: the most that may be needed come first.
      this.#forget();
      this.#widest = this.#n;
      this.#recorded(this.#n, kept);
    }
    const name = `${kept ? 'kept' : 'plain'} ${rows} ${this.#width}`;
    let recording = this.#recordings.get(name);
    if (!recording) {
      recording = this.#record(rows, kept);
      this.#recordings.set(name, recording);
    }
    return recording;
  }

  #record(n: number, kept: boolean): Recording {
    const { state, rows } = this.#tables;
    const width = this.#width;
    return this.#device.arena.within(this.#pool, () =>
      this.#device.recorder().capture(() => {
        decodeRows(this.#device.recorder(), { ...state, ...rows }, { slots: width, rows: n });
        const cached = { places: state.places, apart: true, pieces: this.#pieces };
        const { tape, hidden } = this.#hidden({ n, ...rows }, cached, kept);
        this.#draw(tape, hidden, 0, width);
      }),
    );
  }

  /** Gives up what is recorded, and its buffers. */
  #forget(): void {
    for (const recording of this.#recordings.values()) this.#device.recorder().release(recording);
    this.#recordings.clear();
    this.#widest = 0;
    this.#device.arena.drain(this.#pool);
  }

  /** What the head multiplies: of all rows of a pass, or of the given ones alone. */
  #hidden(
    rows: Parameters<typeof forward>[2],
    cached: Omit<NonNullable<ForwardOptions['cache']>, 'kv'>,
    keep: boolean,
    last?: { readonly rows: Tensor; readonly n: number },
  ): { tape: Tape; hidden: Value } {
    const { steering, keeper } = this.#o;
    const model = this.#model;
    const tape = new Tape(this.#device, keep ? keeper?.target : undefined);
    const options = { steering, cache: { kv: this.#cache, ...cached } };
    const kept = keep && keeper ? forwardKept(tape, model, rows, keeper, options) : undefined;
    if (!kept && !last) return { tape, hidden: forwardNormed(tape, model, rows, options) };
    const resid = kept ?? forward(tape, model, rows, options);
    const hidden = finalNorm(tape, model, resid, last?.rows, last?.n);
    tape.release(resid);
    return { tape, hidden };
  }

  /** Draws a token for each of `count` slots that has a row of `hidden`, and takes it in. */
  #draw(tape: Tape, hidden: Value, slot0: number, count: number): void {
    const { slots, key, stopIds } = this.#o;
    const scores = logits(tape, this.#model, hidden);
    const table = { slot0, slots, ring: RING };
    const { state, drawn, origins } = this.#tables;
    sample(
      tape.rec,
      { logits: scores.tensor, ...state, ...drawn },
      {
        count,
        v: this.#model.config.vocab_size,
        stride: scores.tensor.shape[1] as number,
        key0: key[0],
        key1: key[1],
        table,
      },
    );
    const taken = { tokens: drawn.tokens, stop_ids: this.#stopIds, origins, ...state };
    decodeAdvance(tape.rec, taken, { count, stops: stopIds.length, ...table });
    tape.release(hidden, scores);
  }
}

/** The tables of prompts' rows, filled in order. */
class RowTables {
  n = 0;
  readonly ids: Uint32Array;
  readonly positions: Uint32Array;
  readonly places: Uint32Array;
  readonly ranges: Uint32Array;

  constructor(capacity: number) {
    this.ids = new Uint32Array(capacity);
    this.positions = new Uint32Array(capacity);
    this.places = new Uint32Array(4 * capacity);
    this.ranges = new Uint32Array(4 * capacity);
  }

  /** Row `position` of a prompt whose first row in the cache is `start`. */
  push(id: number, position: number, start: number): void {
    this.ids[this.n] = id;
    this.positions[this.n] = position;
    this.places.set([this.n, start + position, NO_PLACE, this.n], 4 * this.n);
    this.ranges.set([0, 0, start, start + position + 1], 4 * this.n);
    this.n++;
  }
}
