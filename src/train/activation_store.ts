import type { ActivationSink, ActivationSource, SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { keepRows } from '../kernels/keep_rows.ts';
import { gatherRows } from '../kernels/rows.ts';
import type { RowKeeper } from '../model/generate.ts';

/**
 * What the passes of a rollout leave for the gradient: a row of each activation that a rule reads, for every token. The
 * vectors do not change between sampling and the gradient, and a row has the same bits whether it was decoded from the
 * cache or computed with all others, so the training pass takes them from here instead of running the layers again.
 *
 * Passes are kept one after the other. Where the next goes is a number on the GPU, so that a recorded pass can be sent
 * again.
 */
export class ActivationStore implements RowKeeper {
  readonly target: SteeringTarget;
  readonly #device: Device;
  readonly #rows: number;
  readonly #cursor: Tensor;
  /** [rows, width] each, in the order of the forward pass. */
  readonly #kept: Tensor[] = [];
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
    let place = 0;
    return {
      take: (tape: Tape, { tensor }: Value) => {
        const kept = this.#keptAt(place++, width(tensor));
        keepRows(tape.rec, { inp: tensor, base: this.#cursor, kept }, { n, c: width(tensor) });
      },
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
    for (const tensor of [this.#cursor, ...this.#kept]) this.#device.arena.free(tensor);
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
