import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { SampleKey, Sampling } from './generate.ts';

/** Tokens of a slot that its results hold: more passes than this less two, and the first would be overwritten. */
export const RING = 34;
/** Passes between two readbacks, at the most. */
export const MAX_PASSES = RING - 2;
/** The row of a slot that computes none, and the place that ends a row's chain of places. */
const NO_ROW = 0xffffffff;
export const NO_PLACE = NO_ROW;

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

/** What the slots in flight are, on the GPU: a line of each table a slot, see `decodeRows`. */
export class SlotTables {
  /** Of `decodeRows`, `sample` and `decodeAdvance`. */
  readonly state: Readonly<Record<'counters' | 'control' | 'homes' | 'state' | 'places', Tensor>>;
  /** The latest tokens, by position modulo the number of lines, [RING, slots]. */
  readonly drawn: Readonly<Record<'tokens' | 'logp' | 'entropy', Tensor>>;
  /** The pass and the row that each was drawn from, [RING, slots, 2]. */
  readonly origins: Tensor;
  /** The rows of a pass. */
  readonly rows: Readonly<Record<'ids' | 'positions' | 'ranges', Tensor>>;
  readonly #device: Device;
  readonly #slots: number;

  /** @param slots at the most */
  constructor(device: Device, slots: number) {
    this.#device = device;
    this.#slots = slots;
    const { arena } = device;
    const table = (name: string, ...width: number[]) => arena.alloc([slots, ...width], 'u32', name);
    this.state = {
      counters: table('counters', 4),
      control: table('control', 4),
      homes: table('homes', 4),
      state: table('state', 4),
      places: table('places', 4),
    };
    this.rows = { ids: table('ids'), positions: table('positions'), ranges: table('ranges', 4) };
    this.drawn = {
      tokens: arena.alloc([RING, slots], 'u32', 'tokens'),
      logp: arena.alloc([RING, slots], 'f32', 'logp'),
      entropy: arena.alloc([RING, slots], 'f32', 'entropy'),
    };
    this.origins = arena.alloc([RING, slots, 2], 'u32', 'origins');
  }

  /**
   * Says what the slots 0, 1, … are from now on; those after them are finished.
   * @param classes for each slot the first one of its class; itself where it computes alone
   * @param rows for each slot the row that it draws from before the first pass, if any
   */
  load(slots: readonly Slot[], classes: readonly number[], rows: readonly (number | undefined)[]): void {
    const table = () => new Uint32Array(4 * this.#slots);
    const [counters, control, homes, state, places] = [table(), table(), table(), table(), table()];
    const settings = new Float32Array(control.buffer);
    places.fill(NO_ROW);
    slots.forEach(({ prefix, ownStart, cap, sampling, key, ids }, i) => {
      counters.set([key.step, key.prompt, key.completion, ids.length], 4 * i);
      settings[4 * i] = sampling.temperature;
      control[4 * i + 1] = sampling.topK ?? 0;
      settings[4 * i + 2] = sampling.topP ?? 1;
      control[4 * i + 3] = cap;
      homes.set([prefix.start, prefix.start + prefix.length, ownStart], 4 * i);
      state.set([ids.at(-1) ?? 0, classes[i] as number], 4 * i);
      places[4 * i] = rows[i] ?? NO_ROW;
    });
    const data = { counters, control, homes, state, places };
    for (const name of Object.keys(data) as (keyof typeof data)[]) this.#device.write(this.state[name], data[name]);
  }

  /** The latest tokens, once the passes so far are done. */
  async results(): Promise<Results> {
    const { tokens, logp, entropy } = this.drawn;
    const { counters, state } = this.state;
    const bytes = await this.#device.readBytes([tokens, this.origins, counters, state, logp, entropy]);
    return new Results(bytes, this.#slots);
  }

  free(): void {
    for (const tensor of [this.state, this.drawn, this.rows].flatMap((tables) => Object.values(tables))) {
      this.#device.arena.free(tensor);
    }
    this.#device.arena.free(this.origins);
  }
}

/** What was drawn last, and where slots stand. */
export class Results {
  readonly #tokens: Uint32Array;
  readonly #origins: Uint32Array;
  readonly #counters: Uint32Array;
  readonly #state: Uint32Array;
  readonly #logp: Float32Array;
  readonly #entropy: Float32Array;
  readonly #slots: number;

  constructor(bytes: readonly Uint8Array[], slots: number) {
    const buffers = bytes.map(({ buffer }) => buffer);
    const [tokens, origins, counters, state] = buffers.slice(0, 4).map((buffer) => new Uint32Array(buffer));
    const [logp, entropy] = buffers.slice(4).map((buffer) => new Float32Array(buffer));
    this.#tokens = tokens as Uint32Array;
    this.#origins = origins as Uint32Array;
    this.#counters = counters as Uint32Array;
    this.#state = state as Uint32Array;
    this.#logp = logp as Float32Array;
    this.#entropy = entropy as Float32Array;
    this.#slots = slots;
  }

  /** How many tokens a slot has. */
  length(slot: number): number {
    return this.#counters[4 * slot + 3] as number;
  }

  /** The first slot of its class, as the last pass had them: slots that drew the same token since then are still of one class. */
  classOf(slot: number): number {
    return this.#state[4 * slot + 1] as number;
  }

  /**
   * A slot's token at a position, one of its latest; the pass that drew it, counted from 1 since the slots were loaded and 0
   * for the prompt's, and the row that it was drawn from.
   */
  at(slot: number, position: number): { token: number; logp: number; entropy: number; pass: number; row: number } {
    const i = (position % RING) * this.#slots + slot;
    return {
      token: this.#tokens[i] as number,
      logp: this.#logp[i] as number,
      entropy: this.#entropy[i] as number,
      pass: this.#origins[2 * i] as number,
      row: this.#origins[2 * i + 1] as number,
    };
  }
}
