import { formatBytes } from './bytes.ts';
import { UserError } from './errors.ts';
import { DTYPE_BYTES, type ElementType, numel, roundUp, type Tensor } from './tensor.ts';

/**
 * Hands out whole buffers in stable size classes and takes them back, so that a training step after the first
 * creates no buffer and every bind group stays cached. Usage is tracked per whole buffer in WebGPU, which is why two
 * tensors never share one.
 */
export class Arena {
  readonly #createBuffer: (descriptor: GPUBufferDescriptor) => GPUBuffer;
  readonly #limits: { maxBinding: number; maxBuffer: number; budget: number };
  readonly #beforeDestroy: () => void;
  readonly #destroy: (buffer: GPUBuffer) => void;
  /**
   * By size, the oldest last. The oldest is handed out first: which buffer a tensor gets then depends on what else lives
   * and not on the order in which buffers came back, and a step like the one before finds its bind groups.
   */
  readonly #idle = new Map<number, GPUBuffer[]>();
  readonly #ages = new WeakMap<GPUBuffer, number>();
  #created = 0;
  readonly #freed = new WeakMap<GPUBuffer, number>();
  #frees = 0;
  #pool: Pool | undefined;
  /** In the order of their allocation. */
  readonly #live = new Map<GPUBuffer, { label: string; serial: number }>();
  #serial = 0;
  /** Settles with the guarded work that was asked for last. */
  #guarded: Promise<unknown> = Promise.resolve();
  /** Bytes of all buffers that exist, idle ones included. */
  allocatedBytes = 0;
  /**
   * Before more than this is allocated, idle buffers are destroyed, those first that were freed first: lengths that vary
   * would leave some of every size behind.
   */
  keepWithin = Number.POSITIVE_INFINITY;
  /** The most that `allocatedBytes` has been. */
  peakBytes = 0;

  constructor(
    createBuffer: (descriptor: GPUBufferDescriptor) => GPUBuffer,
    limits: { maxBinding: number; maxBuffer: number; budget: number },
    beforeDestroy: () => void,
    destroy: (buffer: GPUBuffer) => void,
  ) {
    this.#createBuffer = createBuffer;
    this.#limits = limits;
    this.#beforeDestroy = beforeDestroy;
    this.#destroy = destroy;
  }

  /** The most bytes that may be allocated; a new value counts for what is allocated from then on. */
  get budget(): number {
    return this.#limits.budget;
  }

  set budget(bytes: number) {
    this.#limits.budget = bytes;
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
    // A pool's buffers are written again whenever its recording is sent.
    const pooled = outlives ? undefined : this.#pool?.take(size);
    const buffer = pooled ?? this.#idle.get(size)?.pop() ?? this.#create(size, label, shape);
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

  /**
   * Runs `work` with the buffers of a pool before all others, and keeps what it frees in the pool: a recording that is
   * sent again writes to buffers that nobody else may have in between.
   */
  within<T>(pool: Pool, work: () => T): T {
    this.#pool = pool;
    try {
      return work();
    } finally {
      this.#pool = undefined;
    }
  }

  /** Gives the buffers of a pool back to all. */
  drain(pool: Pool): void {
    for (const buffer of pool.takeAll()) this.#release(buffer);
  }

  #release(buffer: GPUBuffer): void {
    this.#live.delete(buffer);
    if (this.#pool) {
      this.#pool.give(buffer);
      return;
    }
    let list = this.#idle.get(buffer.size);
    if (!list) {
      list = [];
      this.#idle.set(buffer.size, list);
    }
    this.#freed.set(buffer, this.#frees++);
    const age = this.#ages.get(buffer) as number;
    let at = list.length;
    while (at > 0 && (this.#ages.get(list[at - 1] as GPUBuffer) as number) < age) at--;
    list.splice(at, 0, buffer);
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
    this.#destroyIdle(Number.POSITIVE_INFINITY);
  }

  /** Destroys idle buffers of so many bytes, as far as there are any. */
  #destroyIdle(bytes: number): void {
    this.#beforeDestroy();
    const freed = (buffer: GPUBuffer) => this.#freed.get(buffer) as number;
    const idle = [...this.#idle.values()].flat().sort((a, b) => freed(a) - freed(b));
    const wanted = this.allocatedBytes - bytes;
    for (const buffer of idle) {
      if (this.allocatedBytes <= wanted) break;
      const list = this.#idle.get(buffer.size) as GPUBuffer[];
      list.splice(list.indexOf(buffer), 1);
      this.allocatedBytes -= buffer.size;
      this.#destroy(buffer);
    }
  }

  #create(size: number, label: string, shape: readonly number[]): GPUBuffer {
    const excess = this.allocatedBytes + size - Math.min(this.keepWithin, this.#limits.budget);
    if (excess > 0) this.#destroyIdle(excess);
    if (this.allocatedBytes + size > this.#limits.budget) {
      throw new UserError(
        `${label} [${shape.join(', ')}] needs ${formatBytes(size)} more, ${formatBytes(this.allocatedBytes)} are in use and the memory budget is ` +
          `${formatBytes(this.#limits.budget)}. Raise it (--memory-budget; in the app under Models), or lower num_prompts, num_generations or max_completion_length.`,
      );
    }
    const buffer = this.#createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#ages.set(buffer, this.#created++);
    this.allocatedBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.allocatedBytes);
    return buffer;
  }
}

/** Buffers that are kept aside, see `Arena.within`. */
export class Pool {
  /** All that ever were in it, in the order in which they came. */
  readonly #known: GPUBuffer[] = [];
  readonly #idle = new Set<GPUBuffer>();

  /**
   * The smallest buffer of at least so many bytes, of equals the first that came: a smaller shape of the same work finds
   * the buffers of the larger, and the same shape the same ones.
   */
  take(bytes: number): GPUBuffer | undefined {
    let best: GPUBuffer | undefined;
    for (const buffer of this.#known) {
      if (this.#idle.has(buffer) && buffer.size >= bytes && (!best || buffer.size < best.size)) best = buffer;
    }
    if (best) this.#idle.delete(best);
    return best;
  }

  give(buffer: GPUBuffer): void {
    if (!this.#known.includes(buffer)) this.#known.push(buffer);
    this.#idle.add(buffer);
  }

  takeAll(): GPUBuffer[] {
    const all = [...this.#idle];
    this.#idle.clear();
    this.#known.length = 0;
    return all;
  }
}

/** Four classes an octave: at most a fifth is wasted, and lengths that vary a little share their buffers. */
function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  return roundUp(bytes, octave / 4);
}
