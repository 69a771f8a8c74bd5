import type { Constants, Kernel, Params } from './kernel.ts';
import type { Pipeline } from './pipelines.ts';
import type { Tensor } from './tensor.ts';

/** Bytes of a dispatch's uniforms: the alignment that dynamic offsets need. */
export const SLOT = 256;

/** A dispatch with all that sending it takes, the uniforms apart. */
export interface RecordedDispatch {
  readonly kernel: Kernel;
  readonly params: Params;
  readonly constants: Constants;
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

/**
 * Dispatches that were recorded once and are sent many times: nothing is looked up, created or uploaded again. What
 * changes from one time to the next lies in GPU storage; the tensors must live, and stay where they are, as long.
 */
export interface Recording {
  readonly dispatches: readonly RecordedDispatch[];
  /** A slot for each dispatch. */
  readonly parameters: Uint8Array;
  /** Where the slots have to be when it is sent. */
  readonly uniforms: GPUBuffer;
}

/** A recording that is being made. */
export class Capture {
  readonly dispatches: (Omit<RecordedDispatch, 'group'> & { readonly bound: readonly Tensor[] })[] = [];
  #parameters = new Uint8Array(64 * SLOT);

  /** Slots filled so far. */
  get parameters(): Uint8Array {
    return this.#parameters.subarray(0, this.dispatches.length * SLOT);
  }

  /** Adds a dispatch; returns where its uniforms are to be written. */
  add(dispatch: Capture['dispatches'][number]): DataView {
    const at = this.dispatches.length * SLOT;
    this.dispatches.push(dispatch);
    if (at === this.#parameters.length) {
      const longer = new Uint8Array(2 * at);
      longer.set(this.#parameters);
      this.#parameters = longer;
    }
    return new DataView(this.#parameters.buffer, at, SLOT);
  }
}
