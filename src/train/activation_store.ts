import type { ActivationSink, ActivationSource, SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { gatherRows } from '../kernels/rows.ts';
import type { KeptRows, RowKeeper } from '../model/generate.ts';
import type { Group } from '../model/packing.ts';
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

/** Rows of the store in the packed order: every part's prompt, then its completions without their last tokens. */
export function keptRows(groups: readonly KeptGroup[], batch: MicroBatch): number[] {
  return batch.flatMap(({ group, completions }) => {
    const { prompt, kept = [], completions: all } = groups[group] as KeptGroup;
    const first = kept[completions[0] as number]?.prompt as number;
    const own = completions.flatMap((c) => kept[c]?.own.slice(0, (all[c] as readonly number[]).length - 1) ?? []);
    return [...prompt.map((_, i) => first + i), ...own];
  });
}

/** Bytes of a pass that wait to be copied, at the most. */
const HELD = 4 * 2 ** 20;

/**
 * What the passes of a rollout leave for the gradient: a row of each activation that a rule reads, for every token. The
 * vectors do not change between sampling and the gradient, and a row has the same bits whether it was decoded from the
 * cache or computed with all others, so the training pass takes them from here instead of running the layers again.
 *
 * Passes are kept one after the other. Rows that follow one another are copied as they are, many tensors at a time: a copy
 * ends the compute pass.
 */
export class ActivationStore implements RowKeeper {
  readonly target: SteeringTarget;
  readonly #device: Device;
  readonly #rows: number;
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

  /**
   * @param rows that are kept at the most; their memory is taken with the first pass
   * @param reference whether the model without vectors is to be run on them, from the lowest vector on
   */
  constructor(device: Device, target: SteeringTarget, rows: number, { reference = false } = {}) {
    this.#device = device;
    this.target = target;
    this.#rows = rows;
    if (reference) {
      const take = (tape: Tape, { residMid, mlpOut }: LowerLayers, n: number) => {
        for (const [i, value] of [residMid, mlpOut].entries()) this.#hold(tape, value, n, this.#keptLower, i);
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
      take: (tape: Tape, value: Value) => this.#hold(tape, value, n, this.#kept, place++),
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
      gatherRows(tape.rec, { inp, rows: table, out }, { r, c: width(inp) });
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
  }

  /** Keeps the rows of a value [n, c] in a tensor of its own, the `place`-th of `all`. */
  #hold(tape: Tape, value: Value, n: number, all: Tensor[], place: number): void {
    const shape = [this.#rows, width(value.tensor)];
    all[place] ??= this.#device.arena.alloc(shape, 'f32', 'kept rows', { exact: true, outlives: true });
    this.#held.push({ value: tape.retain(value), kept: all[place] as Tensor });
    this.#heldBytes += value.tensor.bytes;
    if (this.#heldBytes > HELD || !value.owned) this.#copyHeld(tape, n);
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
