import * as ops from '../autograd/ops.ts';
import { Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import { Pool } from '../gpu/arena.ts';
import type { Device } from '../gpu/device.ts';
import type { Recording } from '../gpu/recording.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { piecesOf } from '../kernels/attention.ts';
import { decodeAdvance } from '../kernels/decode_advance.ts';
import { sample } from '../kernels/sample.ts';
import type { RowKeeper, SampleKey, Sampling } from './generate.ts';
import type { KVCache } from './kv_cache.ts';
import type { Model } from './model.ts';
import type { Steering } from './steering.ts';
import { finalNorm, forward, forwardKept, logits } from './transformer.ts';

/** Tokens of a slot that its results hold: more passes than this less two, and the first would be overwritten. */
const RING = 34;
/** Passes between two readbacks, at the most. */
export const MAX_PASSES = RING - 2;

/** A prompt's rows in the cache. */
export interface Prefix {
  readonly start: number;
  readonly length: number;
}

/** A completion in flight as a pass needs to know it. */
export interface Slot {
  readonly prefix: Prefix;
  /** First of its own rows in the cache. */
  readonly ownStart: number;
  /** Tokens that it may have. */
  readonly cap: number;
  readonly sampling: Sampling;
  readonly key: SampleKey;
  /** Tokens so far; none before its prompt was taken in. */
  readonly ids: readonly number[];
}

/** A prompt that is taken in for the last slots that were loaded. */
export interface Prefill {
  readonly prompt: readonly number[];
  readonly prefix: Prefix;
  /** The slots that begin with it, in their order. */
  readonly slots: readonly unknown[];
  /** Whether the cache has its rows already: then its last row alone is computed again. */
  readonly cached: boolean;
}

/** The latest tokens of all slots, by position modulo their number of lines. */
export class Results {
  readonly #tokens: Uint32Array;
  readonly #logp: Float32Array;
  readonly #entropy: Float32Array;
  readonly #slots: number;

  constructor([tokens, logp, entropy]: readonly Uint8Array[], slots: number) {
    this.#tokens = new Uint32Array((tokens as Uint8Array).buffer);
    this.#logp = new Float32Array((logp as Uint8Array).buffer);
    this.#entropy = new Float32Array((entropy as Uint8Array).buffer);
    this.#slots = slots;
  }

  /** A slot's token at a position, one of its latest. */
  at(slot: number, position: number): { token: number; logp: number; entropy: number } {
    const i = (position % RING) * this.#slots + slot;
    return {
      token: this.#tokens[i] as number,
      logp: this.#logp[i] as number,
      entropy: this.#entropy[i] as number,
    };
  }
}

export interface DecoderOptions {
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
 * The passes of generation. What a pass needs to know of its rows is in tables on the GPU, and the pass itself moves them
 * to the next token: any number of passes follow one another without the host. A pass over n slots is recorded once and
 * sent again, with the same buffers.
 */
export class Decoder {
  readonly #model: Model;
  readonly #device: Device;
  readonly #cache: KVCache;
  readonly #o: DecoderOptions;
  readonly #tables: Readonly<Record<'ids' | 'positions' | 'dest' | 'ranges' | 'control' | 'counters', Tensor>>;
  readonly #results: { readonly tokens: Tensor; readonly logp: Tensor; readonly entropy: Tensor };
  readonly #stopIds: Tensor;
  readonly #pool = new Pool();
  /** By number of slots, those that are kept apart from those that are not. */
  readonly #recordings = { kept: new Map<number, Recording>(), plain: new Map<number, Recording>() };
  #n = 0;
  /** The most that a slot has had of pieces of keys. */
  #pieces = 0;

  constructor(model: Model, cache: KVCache, options: DecoderOptions) {
    this.#model = model;
    this.#device = model.device;
    this.#cache = cache;
    this.#o = options;
    const { slots, stopIds } = options;
    const { arena } = this.#device;
    const table = (name: string, ...width: number[]) => arena.alloc([slots, ...width], 'u32', name);
    this.#tables = {
      ids: table('ids'),
      positions: table('positions'),
      dest: table('cache rows'),
      ranges: table('ranges', 4),
      control: table('control', 4),
      counters: table('counters', 4),
    };
    this.#results = {
      tokens: arena.alloc([RING, slots], 'u32', 'tokens'),
      logp: arena.alloc([RING, slots], 'f32', 'logp'),
      entropy: arena.alloc([RING, slots], 'f32', 'entropy'),
    };
    this.#stopIds = this.#device.upload(Uint32Array.from(stopIds), [stopIds.length], 'u32', 'stop tokens');
  }

  /** Says what the slots 0, 1, … are from now on. */
  load(slots: readonly Slot[]): void {
    this.#n = slots.length;
    const pieces = Math.max(...slots.map(({ prefix, cap }) => piecesOf(prefix.length, cap)));
    if (pieces > this.#pieces) {
      this.#pieces = pieces;
      this.#forget();
    }
    const n = slots.length;
    const [ids, positions, dest] = [new Uint32Array(n), new Uint32Array(n), new Uint32Array(n)];
    const [ranges, control, counters] = [new Uint32Array(4 * n), new Uint32Array(4 * n), new Uint32Array(4 * n)];
    const settings = new Float32Array(control.buffer);
    slots.forEach(({ prefix, ownStart, cap, sampling, key, ids: tokens }, i) => {
      const t = tokens.length;
      ids[i] = tokens.at(-1) ?? 0;
      positions[i] = prefix.length + t - 1;
      dest[i] = ownStart + t - 1;
      ranges.set([prefix.start, prefix.start + prefix.length, ownStart, ownStart + t], 4 * i);
      settings[4 * i] = sampling.temperature;
      control[4 * i + 1] = sampling.topK ?? 0;
      settings[4 * i + 2] = sampling.topP ?? 1;
      control[4 * i + 3] = cap;
      counters.set([key.step, key.prompt, key.completion, t], 4 * i);
    });
    const data = { ids, positions, dest, ranges, control, counters };
    for (const name of Object.keys(data) as (keyof typeof data)[]) this.#device.write(this.#tables[name], data[name]);
  }

  /**
   * Takes prompts in, and draws the first token of the slots from `slot0` on.
   * @returns the row in which the keeper keeps the first of these, undefined where it does not
   */
  prefill(prefills: readonly Prefill[], slot0: number): number | undefined {
    const rows = new RowTables(prefills.reduce((sum, { prompt, cached }) => sum + (cached ? 1 : prompt.length), 0));
    const headRows: number[] = [];
    for (const { prompt, prefix, slots, cached } of prefills) {
      for (let i = cached ? prompt.length - 1 : 0; i < prompt.length; i++)
        rows.push(prompt[i] as number, i, prefix.start);
      for (const _ of slots) headRows.push(rows.n - 1);
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
    const dest = up(rows.dest, [n], 'cache rows');
    const heads = up(Uint32Array.from(headRows), [headRows.length], 'head rows');
    const kept = this.#o.keeper?.open(n);
    const { tape, resid } = this.#forward(table, { dest }, kept !== undefined);
    const hidden = finalNorm(tape, this.#model, resid, heads, headRows.length);
    tape.release(resid);
    this.#draw(tape, hidden, slot0, headRows.length);
    for (const tensor of made) this.#device.arena.free(tensor);
    return kept;
  }

  /**
   * So many passes over the slots that were loaded, each drawing a token for those that are not finished.
   * @returns for each pass the row in which the keeper keeps slot 0, undefined where it does not
   */
  decode(passes: number): (number | undefined)[] {
    const rec = this.#device.recorder();
    return Array.from({ length: passes }, () => {
      const kept = this.#o.keeper?.open(this.#n);
      const kind = kept === undefined ? 'plain' : 'kept';
      rec.replay(this.#recordings[kind].get(this.#n) ?? this.#record(this.#n, kind), kept);
      rec.submit();
      return kept;
    });
  }

  /** The latest tokens, once the passes so far are done. */
  async results(): Promise<Results> {
    const { tokens, logp, entropy } = this.#results;
    return new Results(await this.#device.readBytes([tokens, logp, entropy]), this.#o.slots);
  }

  dispose(): void {
    const { arena } = this.#device;
    arena.drain(this.#pool);
    for (const tensor of [...Object.values(this.#tables), ...Object.values(this.#results), this.#stopIds]) {
      arena.free(tensor);
    }
  }

  #record(n: number, kind: 'kept' | 'plain'): Recording {
    const { arena } = this.#device;
    const { kept, plain } = this.#recordings;
    if (n > Math.max(0, ...kept.keys(), ...plain.keys())) {
      // The buffers of fewer rows would be left over beside those of more.
      this.#forget();
    }
    const { ids, positions, ranges, dest } = this.#tables;
    const recording = arena.within(this.#pool, () =>
      this.#device.recorder().capture(() => {
        const { tape, resid } = this.#forward(
          { n, ids, positions, ranges },
          { dest, pieces: this.#pieces },
          kind === 'kept',
        );
        const hidden = ops.rmsnorm(tape, resid, this.#model.norm, this.#model.config.rms_norm_eps);
        tape.release(resid);
        this.#draw(tape, hidden, 0, n);
      }),
    );
    this.#recordings[kind].set(n, recording);
    return recording;
  }

  /** Gives up what is recorded, and its buffers. */
  #forget(): void {
    for (const recordings of Object.values(this.#recordings)) recordings.clear();
    this.#device.arena.drain(this.#pool);
  }

  #forward(
    rows: Parameters<typeof forward>[2],
    cached: { dest: Tensor; pieces?: number },
    keep: boolean,
  ): { tape: Tape; resid: Value } {
    const { steering, keeper } = this.#o;
    const tape = new Tape(this.#device, keep ? keeper?.target : undefined);
    const options = { steering, cache: { kv: this.#cache, ...cached } };
    const run = keep && keeper ? forwardKept(tape, this.#model, rows, keeper, options) : undefined;
    return { tape, resid: run ?? forward(tape, this.#model, rows, options) };
  }

  /** Samples a token for each row of `hidden`, and moves their slots on. */
  #draw(tape: Tape, hidden: Value, slot0: number, rows: number): void {
    const { slots, key, stopIds } = this.#o;
    const scores = logits(tape, this.#model, hidden);
    const table = { slot0, slots, ring: RING };
    const { control, counters, ids, positions, dest, ranges } = this.#tables;
    sample(
      tape.rec,
      { logits: scores.tensor, control, counters, ...this.#results },
      {
        rows,
        v: this.#model.config.vocab_size,
        stride: scores.tensor.shape[1] as number,
        key0: key[0],
        key1: key[1],
        table,
      },
    );
    decodeAdvance(
      tape.rec,
      { tokens: this.#results.tokens, stop_ids: this.#stopIds, counters, control, ids, positions, dest, ranges },
      { rows, stops: stopIds.length, ...table },
    );
    tape.release(hidden, scores);
  }
}

/** The tables of prompts' rows, filled in order. */
class RowTables {
  n = 0;
  readonly ids: Uint32Array;
  readonly positions: Uint32Array;
  readonly dest: Uint32Array;
  readonly ranges: Uint32Array;

  constructor(capacity: number) {
    this.ids = new Uint32Array(capacity);
    this.positions = new Uint32Array(capacity);
    this.dest = new Uint32Array(capacity);
    this.ranges = new Uint32Array(4 * capacity);
  }

  /** Row `position` of a prompt whose first row in the cache is `start`. */
  push(id: number, position: number, start: number): void {
    this.ids[this.n] = id;
    this.positions[this.n] = position;
    this.dest[this.n] = start + position;
    this.ranges.set([0, 0, start, start + position + 1], 4 * this.n);
    this.n++;
  }
}
