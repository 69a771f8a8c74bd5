import { formatBytes } from './bytes.ts';
import { UserError } from './errors.ts';
import { DTYPE_BYTES, type ElementType, numel, roundUp, type Tensor } from './tensor.ts';

/**
 * Hands out whole buffers in stable size classes and takes them back, so that a training step after the first
 * creates no buffer and every bind group stays cached. Usage is tracked per whole buffer in WebGPU, which is why two
 * tensors never share one.
 */
export class Arena {
  readonly #gpu: GPUDevice;
  readonly #limits: { maxBinding: number; maxBuffer: number; budget: number };
  readonly #forget: (buffer: GPUBuffer) => void;
  readonly #idle = new Map<number, GPUBuffer[]>();
  /** In the order of their allocation. */
  readonly #live = new Map<GPUBuffer, { label: string; serial: number }>();
  #serial = 0;
  /** Settles with the guarded work that was asked for last. */
  #guarded: Promise<unknown> = Promise.resolve();
  /** Bytes of all buffers that exist, idle ones included. */
  allocatedBytes = 0;
  /** Before more than this is allocated, idle buffers are destroyed: lengths that vary would leave some of every size behind. */
  keepWithin = Number.POSITIVE_INFINITY;
  /** The most that `allocatedBytes` has been. */
  peakBytes = 0;

  constructor(
    gpu: GPUDevice,
    limits: { maxBinding: number; maxBuffer: number; budget: number },
    forget: (buffer: GPUBuffer) => void,
  ) {
    this.#gpu = gpu;
    this.#limits = limits;
    this.#forget = forget;
  }

  /** Bytes of the largest tensor: it is bound whole. */
  get largestTensor(): number {
    return Math.floor(Math.min(this.#limits.maxBinding, this.#limits.maxBuffer) / 4) * 4;
  }

  /**
   * A tensor whose content is whatever the buffer held before. `exact` takes no more than its bytes: for what is kept as
   * long as the model is. `outlives` keeps it where the guarded work that asked for it fails: its owner is elsewhere and
   * frees it. Throws `UserError` where it cannot fit.
   */
  alloc(
    shape: readonly number[],
    dtype: ElementType = 'f32',
    label = 'tensor',
    { exact = false, outlives = false }: { exact?: boolean; outlives?: boolean } = {},
  ): Tensor {
    const bytes = numel(shape) * DTYPE_BYTES[dtype];
    // A buffer is bound whole: its size class must not step over the limit either.
    const limit = this.largestTensor;
    const size = Math.min(exact ? roundUp(Math.max(bytes, 16), 16) : sizeClass(bytes), limit);
    if (bytes > limit) {
      throw new UserError(
        `${label} [${shape.join(', ')}] needs ${formatBytes(bytes)}, but this adapter binds at most ${formatBytes(limit)} at once. ` +
          'Lower the batch (num_prompts, num_generations), max_completion_length or the number of rows in flight.',
      );
    }
    const buffer = this.#idle.get(size)?.pop() ?? this.#create(size, label, shape);
    this.#live.set(buffer, { label, serial: outlives ? -1 : this.#serial++ });
    return { buffer, shape, dtype, bytes, label };
  }

  /** Gives a tensor's buffer back for reuse. Work already recorded keeps its meaning: the queue runs in order. */
  free(tensor: Tensor | undefined): void {
    if (!tensor) return;
    if (!this.#live.has(tensor.buffer)) throw new Error(`${tensor.label} was freed twice`);
    this.#release(tensor.buffer);
  }

  /**
   * Runs `work`; if it fails, everything that it allocated and still holds is freed. One guarded piece of work waits for
   * the other, so that what is freed is its own: guards do not nest.
   */
  guard<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#guarded.then(async () => {
      const first = this.#serial;
      try {
        return await work();
      } catch (error) {
        for (const [buffer, { serial }] of [...this.#live]) if (serial >= first) this.#release(buffer);
        throw error;
      }
    });
    this.#guarded = turn.catch(() => {});
    return turn;
  }

  #release(buffer: GPUBuffer): void {
    this.#live.delete(buffer);
    const list = this.#idle.get(buffer.size);
    if (list) list.push(buffer);
    else this.#idle.set(buffer.size, [buffer]);
  }

  /** Labels of the tensors that have not been freed; tests compare it before and after. */
  live(): string[] {
    return Array.from(this.#live.values(), ({ label }) => label);
  }

  get liveBytes(): number {
    let bytes = 0;
    for (const buffer of this.#live.keys()) bytes += buffer.size;
    return bytes;
  }

  /** Destroys every idle buffer. */
  trim(): void {
    for (const list of this.#idle.values()) {
      for (const buffer of list) {
        this.#forget(buffer);
        this.allocatedBytes -= buffer.size;
        buffer.destroy();
      }
    }
    this.#idle.clear();
  }

  #create(size: number, label: string, shape: readonly number[]): GPUBuffer {
    if (this.allocatedBytes + size > Math.min(this.keepWithin, this.#limits.budget)) this.trim();
    if (this.allocatedBytes + size > this.#limits.budget) {
      throw new UserError(
        `${label} [${shape.join(', ')}] needs ${formatBytes(size)} more, ${formatBytes(this.allocatedBytes)} are in use and the memory budget is ` +
          `${formatBytes(this.#limits.budget)}. Raise --memory-budget, or lower num_prompts, num_generations or max_completion_length.`,
      );
    }
    const buffer = this.#gpu.createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.allocatedBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.allocatedBytes);
    return buffer;
  }
}

/** Four classes an octave: at most a fifth is wasted, and lengths that vary a little share their buffers. */
function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  return roundUp(bytes, octave / 4);
}
