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

/** Rows that are copied to where the one who sends the recording says. */
export interface RecordedCopy {
  readonly source: GPUBuffer;
  readonly target: GPUBuffer;
  readonly bytes: number;
  readonly rowBytes: number;
}

/**
 * Work that was recorded once and is sent many times: nothing is looked up, created or uploaded again. What changes from
 * one time to the next lies in GPU storage, but for the row to which copies go; the tensors must live, and stay where they
 * are, as long.
 */
export interface Recording {
  readonly commands: readonly (RecordedDispatch | RecordedCopy)[];
  /** A slot for each dispatch. */
  readonly parameters: Uint8Array<ArrayBuffer>;
  /** Where the slots have to be when it is sent. */
  readonly uniforms: GPUBuffer;
}

type CapturedDispatch = Omit<RecordedDispatch, 'group'> & { readonly bound: readonly Tensor[] };

/** A recording that is being made. */
export class Capture {
  readonly commands: (CapturedDispatch | RecordedCopy)[] = [];
  #dispatches = 0;
  #bytes = new ArrayBuffer(64 * SLOT);

  /** Adds a dispatch; returns the slots and the word at which its own begins. */
  add(dispatch: CapturedDispatch): { words: Uint32Array; floats: Float32Array; at: number } {
    const offset = this.#dispatches++ * SLOT;
    this.commands.push(dispatch);
    if (offset === this.#bytes.byteLength) {
      const longer = new Uint8Array(2 * offset);
      longer.set(new Uint8Array(this.#bytes));
      this.#bytes = longer.buffer;
    }
    return { words: new Uint32Array(this.#bytes), floats: new Float32Array(this.#bytes), at: offset / 4 };
  }

  /** All slots that were filled. */
  parameters(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.slice(0, this.#dispatches * SLOT));
  }
}
