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
  readonly parameters: Uint8Array<ArrayBuffer>;
  /** Where the slots have to be when it is sent. */
  readonly uniforms: GPUBuffer;
}

/** A recording that is being made. */
export class Capture {
  readonly dispatches: (Omit<RecordedDispatch, 'group'> & { readonly bound: readonly Tensor[] })[] = [];
  #bytes = new ArrayBuffer(64 * SLOT);

  /** Adds a dispatch; returns the slots and the word at which its own begins. */
  add(dispatch: Capture['dispatches'][number]): { words: Uint32Array; floats: Float32Array; at: number } {
    const offset = this.dispatches.length * SLOT;
    this.dispatches.push(dispatch);
    if (offset === this.#bytes.byteLength) {
      const longer = new Uint8Array(2 * offset);
      longer.set(new Uint8Array(this.#bytes));
      this.#bytes = longer.buffer;
    }
    return { words: new Uint32Array(this.#bytes), floats: new Float32Array(this.#bytes), at: offset / 4 };
  }

  /** All slots that were filled. */
  parameters(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.slice(0, this.dispatches.length * SLOT));
  }
}
