import type { ActivationSink, ActivationSource, SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { gatherHalfRows, storeHalfRows } from '../kernels/half_rows.ts';
import { gatherRows } from '../kernels/rows.ts';
import type { KeptRows, RowKeeper } from '../model/generate.ts';
import type { Group, Origin } from '../model/packing.ts';
import type { LowerLayers } from '../model/transformer.ts';
import type { MicroBatch } from './micro_batch.ts';

export interface KeptSource extends ActivationSource {
  /** What the model without vectors shares with the kept passes, where that was to be kept; the caller's. */
  lower(tape: Tape): LowerLayers | undefined;
  /** The residual stream after the last layer; the caller's. */
  resid(tape: Tape): Value;
  dispose(): void;
}

/** A prompt's completions, with where a store keeps each one's rows and its prompt's; those without are computed again. */
export interface KeptGroup extends Group {
  readonly kept?: readonly (KeptRows | undefined)[];
}

/** Rows of the store in the packed order. A row that completions share is kept for each of them with the same bits. */
export function keptRows(groups: readonly KeptGroup[], batch: MicroBatch, rowOrigin: readonly Origin[]): number[] {
  return rowOrigin.map(({ group, completion, token }) => {
    const { group: g, completions } = batch[group] as MicroBatch[number];
    const { prompt, kept = [] } = groups[g] as KeptGroup;
    const rows = kept[completions[completion] as number] as KeptRows;
    return token < 0 ? rows.prompt + prompt.length + token : (rows.own[token] as number);
  });
}

/** How numbers are kept: f16 halves their bytes, and rounds what the gradient reads by 2^-11. */
type StoredType = 'f32' | 'f16';

export interface ActivationStoreOptions {
  /** Whether the model without vectors is to be run on the rows, from the lowest vector on. */
  readonly reference?: boolean;
  /** Of rows at least as long as the residual stream's; its last, from which log-probabilities come, is f32 in any case. */
  readonly dtype?: StoredType;
}

/** Bytes of a pass that wait to be copied, at the most. */
const HELD = 4 * 2 ** 20;

/**
 * What the passes of a rollout leave for the gradient: a row of each activation that a rule reads, for every token. The
 * vectors do not change between sampling and the gradient, and a row is the same whether it was decoded from the
 * cache or computed with all others, so the training pass takes them from here instead of running the layers again. It has the
 * same bits up to a prompt or completion of `PIECE_KEYS` tokens; of a longer one decoding folds pieces (attention.wgsl), and the
 * gradient differs by rounding.
 *
 * Passes are kept one after the other. Rows that follow one another are copied as they are, many tensors at a time: a copy
 * ends the compute pass.
 */
export class ActivationStore implements RowKeeper {
  readonly target: SteeringTarget;
  readonly #device: Device;
  readonly #rows: number;
  readonly #dtype: StoredType;
  /** [1] u32, 1 where something that was to be kept is beyond the numbers of f16; absent where nothing is rounded. */
  readonly beyond: Tensor | undefined;
  /** [rows, width] each, in the order of the forward pass. */
  readonly #kept: Tensor[] = [];
  /** What the model without vectors begins with. */
  readonly #keptLower: Tensor[] = [];
  readonly lower: RowKeeper['lower'];
  /** What of the pass waits to be copied, and its bytes. */
  readonly #held: { value: Value; kept: Tensor }[] = [];
  #heldBytes = 0;
  #first = 0;
  #used = 0;

  /** @param rows that are kept at the most; their memory is taken with the first pass */
  constructor(device: Device, target: SteeringTarget, rows: number, options: ActivationStoreOptions = {}) {
    const { reference = false, dtype = 'f32' } = options;
    this.#device = device;
    this.target = target;
    this.#rows = rows;
    this.#dtype = dtype;
    if (dtype === 'f16') this.beyond = device.upload(new Uint32Array(1), [1], 'u32', 'beyond f16');
    if (reference) {
      const take = (tape: Tape, { residMid, mlpOut }: LowerLayers, n: number) => {
        for (const [i, value] of [residMid, mlpOut].entries()) this.#hold(tape, value, n, this.#keptLower, i, 'f32');
      };
      this.lower = { layer: Math.min(...target.layers), take };
    }
  }

  open(n: number): number | undefined {
    const first = this.#used;
    if (first + n > this.#rows) return undefined;
    this.#first = first;
    this.#used += n;
    return first;
  }

  sink(n: number): ActivationSink {
    let place = 0;
    return {
      take: (tape, value, isResult) =>
        this.#hold(tape, value, n, this.#kept, place++, isResult ? 'f32' : this.#dtypeOf(value)),
      end: (tape: Tape) => this.#copyHeld(tape, n),
    };
  }

  /** For a pass over these rows of the store; to be disposed of when it is done. */
  source(rows: readonly number[]): KeptSource {
    const { arena } = this.#device;
    const r = rows.length;
    const table = this.#device.upload(Uint32Array.from(rows), [r], 'u32', 'kept rows of the pass');
    const gather = (tape: Tape, inp: Tensor) => {
      const out = arena.alloc([r, width(inp)], 'f32', 'kept');
      const gatherAll = inp.dtype === 'f16' ? gatherHalfRows : gatherRows;
      gatherAll(tape.rec, { inp, rows: table, out }, { r, c: width(inp) });
      return out;
    };
    return {
      give: (tape, place) => gather(tape, this.#kept[place] as Tensor),
      lower: (tape) => {
        if (!this.lower) return undefined;
        const [residMid, mlpOut] = this.#keptLower.map((inp) => tape.adopt(gather(tape, inp), false)) as [Value, Value];
        return { layer: this.lower.layer, residMid, mlpOut };
      },
      resid: (tape) => tape.adopt(gather(tape, this.#kept.at(-1) as Tensor), false),
      dispose: () => arena.free(table),
    };
  }

  dispose(): void {
    for (const tensor of [...this.#kept, ...this.#keptLower]) this.#device.arena.free(tensor);
    this.#kept.length = this.#keptLower.length = 0;
    this.#device.arena.free(this.beyond);
  }

  /** 1/rms and attention's log-sums are short, and errors in them are errors of whole rows. */
  #dtypeOf({ tensor }: Value): StoredType {
    const c = this.target.grad.shape[1] as number;
    return width(tensor) >= c && width(tensor) % 4 === 0 ? this.#dtype : 'f32';
  }

  /** Keeps the rows of a value [n, c] in a tensor of its own, the `place`-th of `all`. */
  #hold(tape: Tape, value: Value, n: number, all: Tensor[], place: number, dtype: StoredType): void {
    const c = width(value.tensor);
    all[place] ??= this.#device.arena.alloc([this.#rows, c], dtype, 'kept rows', { exact: true, outlives: true });
    let held = tape.retain(value);
    if (dtype === 'f16' && this.beyond) {
      held = tape.value([n, c], 'rounded', false, 'f16');
      storeHalfRows(tape.rec, { inp: value.tensor, out: held.tensor, beyond: this.beyond }, { n, c });
      tape.release(value);
    }
    this.#held.push({ value: held, kept: all[place] as Tensor });
    this.#heldBytes += held.tensor.bytes;
    if (this.#heldBytes > HELD || !held.owned) this.#copyHeld(tape, n);
  }

  #copyHeld(tape: Tape, n: number): void {
    for (const { value, kept } of this.#held) {
      tape.rec.copyRows(value.tensor, kept, n, this.#first);
      tape.release(value);
    }
    this.#held.length = 0;
    this.#heldBytes = 0;
  }
}

/** Floats of a row. */
function width({ shape }: Tensor): number {
  return shape[1] ?? 1;
}
