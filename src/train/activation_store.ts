import type { ActivationSink, ActivationSource, SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { gatherRows } from '../kernels/rows.ts';
import type { RowKeeper } from '../model/generate.ts';

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
  #first = 0;
  #used = 0;

  /** @param rows that are kept at the most; their memory is taken with the first pass */
  constructor(device: Device, target: SteeringTarget, rows: number) {
    this.#device = device;
    this.target = target;
    this.#rows = rows;
  }

  open(n: number): number | undefined {
    const first = this.#used;
    if (first + n > this.#rows) return undefined;
    this.#first = first;
    this.#used += n;
    return first;
  }

  sink(n: number): ActivationSink {
    const held: { value: Value; kept: Tensor }[] = [];
    let place = 0;
    let bytes = 0;
    const end = (tape: Tape) => {
      for (const { value, kept } of held) {
        tape.rec.copyRows(value.tensor, kept, n, this.#first);
        tape.release(value);
      }
      held.length = 0;
      bytes = 0;
    };
    return {
      take: (tape: Tape, value: Value) => {
        held.push({ value: tape.retain(value), kept: this.#keptAt(place++, width(value.tensor)) });
        bytes += value.tensor.bytes;
        if (bytes > HELD || !value.owned) end(tape);
      },
      end,
    };
  }

  /** For a pass over these rows of the store; to be disposed of when it is done. */
  source(rows: readonly number[]): ActivationSource & { dispose(): void } {
    const { arena } = this.#device;
    const r = rows.length;
    const table = this.#device.upload(Uint32Array.from(rows), [r], 'u32', 'kept rows of the pass');
    return {
      give: (tape: Tape, place: number) => {
        const inp = this.#kept[place] as Tensor;
        const out = arena.alloc([r, width(inp)], 'f32', 'kept');
        gatherRows(tape.rec, { inp, rows: table, out }, { r, c: width(inp) });
        return out;
      },
      dispose: () => arena.free(table),
    };
  }

  dispose(): void {
    for (const tensor of this.#kept) this.#device.arena.free(tensor);
    this.#kept.length = 0;
  }

  #keptAt(place: number, c: number): Tensor {
    const shape = [this.#rows, c];
    this.#kept[place] ??= this.#device.arena.alloc(shape, 'f32', 'kept rows', { exact: true, outlives: true });
    return this.#kept[place] as Tensor;
  }
}

/** Floats of a row. */
function width({ shape }: Tensor): number {
  return shape[1] ?? 1;
}
