import type { Device } from './device.ts';

/** GPU time of one dispatch, from timestamps at its pass boundaries. */
export interface TimedDispatch {
  readonly name: string;
  readonly nanoseconds: number;
  readonly flops: number;
  readonly bytes: number;
}

const CAPACITY = 2048;

/**
 * Timestamps every dispatch. Each then needs a pass of its own, which costs time that is not in the figures: use it to
 * compare kernels, not to time a whole step.
 */
export class Profiler {
  readonly #device: Device;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #names: { name: string; flops: number; bytes: number }[] = [];
  #pending: Promise<void>[] = [];
  readonly dispatches: TimedDispatch[] = [];

  constructor(device: Device) {
    this.#device = device;
    this.#queries = device.gpu.createQuerySet({ type: 'timestamp', count: CAPACITY });
    this.#resolved = device.createBuffer({
      size: CAPACITY * 8,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  get full(): boolean {
    return this.#names.length * 2 >= CAPACITY;
  }

  passFor(name: string, flops: number, bytes: number): GPUComputePassDescriptor {
    const first = this.#names.length * 2;
    this.#names.push({ name, flops, bytes });
    return {
      label: name,
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    };
  }

  /** Called before the encoder is finished; returns what to do after the submit. */
  resolve(encoder: GPUCommandEncoder): () => void {
    const names = this.#names;
    this.#names = [];
    if (names.length === 0) return () => {};
    const size = names.length * 16;
    const staging = this.#device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.resolveQuerySet(this.#queries, 0, names.length * 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, staging, 0, size);
    return () => {
      this.#pending.push(
        staging.mapAsync(GPUMapMode.READ).then(() => {
          const times = new BigUint64Array(staging.getMappedRange());
          names.forEach((entry, i) => {
            this.dispatches.push({ ...entry, nanoseconds: Number((times[2 * i + 1] ?? 0n) - (times[2 * i] ?? 0n)) });
          });
          staging.destroy();
        }),
      );
    };
  }

  /** All dispatches submitted so far. */
  async collect(): Promise<TimedDispatch[]> {
    await Promise.all(this.#pending);
    this.#pending = [];
    return this.dispatches.splice(0);
  }

  destroy(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
  }
}
