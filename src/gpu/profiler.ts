import { now } from '#platform';
import type { Device } from './device.ts';
import { FencedQueue } from './fenced_queue.ts';
import type { Constants, Kernel, Params } from './kernel.ts';
import type { Commands } from './work_queue.ts';

/** GPU time of one dispatch. */
export interface TimedDispatch {
  readonly name: string;
  /** By `Profiler.hostTime` a time on the host's clock; milliseconds. */
  readonly start: number;
  readonly nanoseconds: number;
  readonly flops: number;
  readonly bytes: number;
  readonly params: Params;
  /** False where `flops` is only the most that the kernel may do. */
  readonly exact: boolean;
  /** Phases that were under way when it was recorded. */
  readonly phases: readonly string[];
}

/** What the host did from one time to another, in milliseconds of `now()`. */
export interface Span {
  /** Phases may contain each other. `record`: from a command buffer's first command to its submit. `wait`: for the GPU. `compile`: one pipeline, often within a recording. */
  readonly track: 'phase' | 'record' | 'submit' | 'wait' | 'compile';
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly args?: Readonly<Record<string, number>> | undefined;
}

const CAPACITY = 2048;

type Entry = Omit<TimedDispatch, 'start' | 'nanoseconds'>;

/**
 * Times dispatches and tells what the host does meanwhile. Timestamps sit on pass boundaries, so every dispatch gets a
 * pass of its own while `timing` is on, which costs time that is not in the dispatches' figures. An adapter without
 * timestamps gets a submit for each dispatch, and its time is the clock's, less what an empty submit takes.
 */
export class Profiler {
  /** Told of everything; what is not told to anybody is kept for `collect`. */
  onDispatch: ((dispatch: TimedDispatch) => void) | undefined;
  onSpan: ((span: Span) => void) | undefined;
  readonly method: 'timestamps' | 'submits';
  /** Those under way, the outermost first. */
  phases: readonly string[] = [];
  readonly #device: Device;
  readonly #queries: GPUQuerySet | undefined;
  readonly #resolved: GPUBuffer | undefined;
  readonly #fenced: FencedQueue | undefined;
  #timing = true;
  #entries: Entry[] = [];
  #pending: Promise<void>[] = [];
  #dispatches: TimedDispatch[] = [];
  /** The first timestamp: differences to it fit a number. */
  #origin: bigint | undefined;
  #offset = Number.NEGATIVE_INFINITY;

  constructor(device: Device) {
    this.#device = device;
    if (device.caps.timestamp) {
      this.method = 'timestamps';
      this.#queries = device.gpu.createQuerySet({ type: 'timestamp', count: CAPACITY });
      // Not by the device's own function: what profiling takes is not the run's, and is not counted.
      this.#resolved = device.gpu.createBuffer({
        size: CAPACITY * 8,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      });
    } else {
      this.method = 'submits';
      this.#fenced = new FencedQueue(device.queue);
    }
  }

  /** Whether dispatches are timed, or only the host is watched, which costs next to nothing. */
  get timing(): boolean {
    return this.#timing;
  }

  set timing(on: boolean) {
    // What is recorded belongs to how it was recorded.
    this.#device.recorder().submit();
    this.#fenced?.flush();
    this.#timing = on;
  }

  /** Where submits and writes go while each dispatch is waited for, and who has to be asked to carry them out. */
  get fenced(): FencedQueue | undefined {
    return this.#timing ? this.#fenced : undefined;
  }

  get full(): boolean {
    return this.#entries.length * 2 >= CAPACITY;
  }

  /** Announces a dispatch that is about to be recorded; it gets a pass with this descriptor. */
  passFor(kernel: Kernel, params: Params, constants: Constants): GPUComputePassDescriptor | undefined {
    if (!this.#timing) return undefined;
    const { flops, bytes } = kernel.cost(params, { ...kernel.constants, ...constants });
    const first = this.#entries.length * 2;
    const shape = Object.fromEntries(kernel.paramNames.map((name) => [name, params[name] as number]));
    const exact = kernel.costs !== 'at most';
    this.#entries.push({ name: kernel.name, flops, bytes, params: shape, exact, phases: this.phases });
    if (!this.#queries) return { label: kernel.name };
    return {
      label: kernel.name,
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    };
  }

  /** Called before the commands are finished; returns what to do after they were sent. */
  resolve(encoder: Commands): () => void {
    const entries = this.#entries;
    this.#entries = [];
    if (entries.length === 0) return () => {};
    const { fenced } = this;
    if (fenced) {
      const [entry] = entries as [Entry];
      return () =>
        fenced.timeLast((from, ms) => this.#told({ ...entry, start: from, nanoseconds: Math.max(0, ms) * 1e6 }));
    }
    const resolved = this.#resolved as GPUBuffer;
    const size = entries.length * 16;
    const staging = this.#device.gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.resolveQuerySet(this.#queries as GPUQuerySet, 0, entries.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    const submitted = now();
    return () => {
      const taken = staging.mapAsync(GPUMapMode.READ).then(() => {
        this.#take(entries, new BigUint64Array(staging.getMappedRange()), submitted);
        staging.destroy();
      });
      // Whoever collects is told; of a device that is lost before, others tell.
      taken.catch(() => {});
      this.#pending.push(taken);
    };
  }

  span(track: Span['track'], name: string, from: number, to: number, args?: Span['args']): void {
    this.onSpan?.({ track, name, from, to, args });
  }

  /** Runs a phase; what is recorded meanwhile is its. */
  async phase<T>(name: string, work: () => Promise<T>, args?: Span['args']): Promise<T> {
    const from = now();
    this.phases = [...this.phases, name];
    try {
      return await work();
    } finally {
      const at = this.phases.lastIndexOf(name);
      this.phases = this.phases.filter((_, i) => i !== at);
      this.span('phase', name, from, now(), args);
    }
  }

  /** A dispatch's start on the host's clock: no later than it was, and as late as every submit's time allows. */
  hostTime(start: number): number {
    return this.method === 'submits' ? start : start + this.#offset;
  }

  /** Waits until everything submitted so far is told of. @returns what nobody was told of */
  async collect(): Promise<TimedDispatch[]> {
    await this.#fenced?.drain();
    await this.#device.queue.passedOn();
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending);
    const dispatches = this.#dispatches;
    this.#dispatches = [];
    return dispatches;
  }

  destroy(): void {
    for (const used of [this.#queries, this.#resolved]) if (used) this.#device.queue.destroy(used);
  }

  #take(entries: readonly Entry[], times: BigUint64Array, submitted: number): void {
    this.#origin ??= times[0] as bigint;
    const origin = this.#origin;
    entries.forEach((entry, i) => {
      const from = Number((times[2 * i] as bigint) - origin);
      const nanoseconds = Math.max(0, Number((times[2 * i + 1] as bigint) - origin) - from);
      // The GPU cannot have begun before the host submitted.
      if (i === 0) this.#offset = Math.max(this.#offset, submitted - from / 1e6);
      this.#told({ ...entry, start: from / 1e6, nanoseconds });
    });
  }

  #told(dispatch: TimedDispatch): void {
    if (this.onDispatch) this.onDispatch(dispatch);
    else this.#dispatches.push(dispatch);
  }
}
