import { now, patiently } from '#platform';
import { Arena } from './arena.ts';
import { formatBytes } from './bytes.ts';
import { Counters } from './counters.ts';
import { DeviceLostError, GpuError } from './errors.ts';
import { Pipelines } from './pipelines.ts';
import { Profiler, type Span } from './profiler.ts';
import { Recorder } from './recorder.ts';
import type { SubgroupMatrices } from './subgroup_matrix.ts';
import { type ElementType, numel, type Tensor } from './tensor.ts';
import { type Tuning, UNTUNED } from './tuning.ts';
import { WorkQueue } from './work_queue.ts';

/** What the adapter offers, as the kernels' launchers ask for it. */
export interface Capabilities {
  readonly adapter: string;
  /** All that the adapter says of itself, driver and model: what a tuning is kept under. Default: `adapter`. */
  readonly identity?: string;
  readonly isSoftware: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly timestamp: boolean;
  /** Absent where there are no matrix units, or Dawn was not told to offer them (`allow_unsafe_apis`). */
  readonly subgroupMatrix?: SubgroupMatrices;
  readonly maxInvocations: number;
  readonly maxWorkgroupStorage: number;
  readonly maxStorageBuffers: number;
  readonly maxBinding: number;
  readonly maxBuffer: number;
}

/**
 * Whether a processor's subgroup is a quad of lanes: so in SwiftShader, which compiles quickly what takes LLVM ten seconds, and
 * spends more on decoding a weight than on its products.
 */
export function subgroupIsQuad(caps: Pick<Capabilities, 'isSoftware' | 'subgroupMaxSize'>): boolean {
  return caps.isSoftware && caps.subgroupMaxSize === 4;
}

export interface DeviceOptions {
  /** Bytes of GPU memory that may be allocated; WebGPU does not tell what is free. Default: no limit but the adapter's. */
  readonly memoryBudget?: number;
  /** Bytes that one binding takes at the most, below what the adapter offers: for tests of split matrices. */
  readonly maxBinding?: number;
  /** Which variants launchers take. Default: their own choice. */
  readonly tuning?: Tuning;
  /** Whether pipelines are made beside other work, all at once, while what needs them waits. Default: true. */
  readonly compileInBackground?: boolean;
  /** Features to leave out although the adapter has them: for tests of the other path. */
  readonly without?: readonly ('f16' | 'subgroups' | 'timestamp' | 'subgroupMatrix')[];
}

/** How long a failed read waits for the news that the device is lost. */
const LOSS_TOLD_MS = 2000;

/** Somebody who waits for the GPU. */
interface Waiting {
  /** What had to hold when the waiting began. */
  readonly expected: readonly Promise<unknown>[];
  failure: Error | undefined;
}

type Data = Float32Array | Uint32Array | Uint8Array | Uint16Array;

/** The GPU as the rest of trimtab sees it: memory, pipelines, recording, reading back, errors. */
export class Device {
  readonly gpu: GPUDevice;
  readonly caps: Capabilities;
  readonly arena: Arena;
  readonly pipelines: Pipelines;
  readonly queue: WorkQueue;
  readonly uniforms: GPUBuffer;
  /** What has been recorded, submitted, read back and created so far. */
  readonly counters = new Counters();
  /** Changed only before something is computed with it. */
  tuning: Tuning;
  profiler: Profiler | undefined;
  readonly #recorder: Recorder;
  readonly #staging = new Map<number, GPUBuffer[]>();
  #stagingBytes = 0;
  /** What must hold and was not looked at yet. */
  readonly #expected = new Set<Promise<unknown>>();
  #failure: Error | undefined;
  /** Those who wait: each is told of what fails meanwhile, and not only the first that looks. */
  readonly #waiting = new Set<Waiting>();
  readonly #lost: Promise<void>;

  constructor(gpu: GPUDevice, caps: Capabilities, options: DeviceOptions = {}) {
    this.gpu = gpu;
    this.caps = caps;
    this.tuning = options.tuning ?? UNTUNED;
    this.queue = new WorkQueue(gpu.queue);
    this.pipelines = new Pipelines(this, options.compileInBackground ?? true);
    this.#recorder = new Recorder(this);
    this.uniforms = this.createBuffer({
      label: 'uniforms',
      size: Recorder.uniformBytes,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.arena = new Arena(
      (descriptor) => this.createBuffer(descriptor),
      {
        maxBinding: caps.maxBinding,
        maxBuffer: caps.maxBuffer,
        budget: options.memoryBudget ?? Number.POSITIVE_INFINITY,
      },
      // What is recorded may still use it: freeing keeps a buffer, destroying does not.
      () => {
        this.#recorder.submit();
        this.profiler?.fenced?.flush();
      },
      (buffer) => this.queue.destroy(buffer),
    );
    gpu.onuncapturederror = (event) => {
      const what =
        event.error instanceof GPUOutOfMemoryError
          ? `The GPU is out of memory with ${formatBytes(this.allocatedBytes)} allocated here: close what else uses it, or take a smaller model or batch`
          : 'The GPU refused a command';
      const failure = new GpuError(`${what}: ${event.error.message}`);
      this.#failure ??= failure;
      for (const waiting of this.#waiting) waiting.failure ??= failure;
    };
    this.#lost = gpu.lost.then((info) => {
      if (info.reason !== 'destroyed') this.#failure = new DeviceLostError(`The GPU device was lost: ${info.message}`);
    });
  }

  /**
   * The device's one recorder. It is shared so that an upload can tell whether work recorded earlier still waits: a
   * write to a reused buffer must not overtake it.
   */
  recorder(): Recorder {
    return this.#recorder;
  }

  /** Bytes of all buffers that exist, those for reading back included; beside them there are only the uniforms'. */
  get allocatedBytes(): number {
    return this.arena.allocatedBytes + this.#stagingBytes;
  }

  /** Destroys every buffer that nothing holds: after a model is gone, what its work has left behind. */
  trim(): void {
    this.arena.trim();
    this.#recorder.forget();
    for (const list of this.#staging.values()) for (const buffer of list.splice(0)) this.#destroyStaging(buffer);
  }

  /** Every buffer of the work is made here, so that it is counted. */
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    this.counters.buffers++;
    this.counters.bufferBytes += descriptor.size;
    return this.gpu.createBuffer(descriptor);
  }

  /** A tensor with the given content. */
  upload(
    data: Data,
    shape: readonly number[],
    dtype: ElementType = data instanceof Uint32Array ? 'u32' : 'f32',
    label = 'upload',
  ): Tensor {
    const tensor = this.arena.alloc(shape, dtype, label);
    this.write(tensor, data);
    return tensor;
  }

  /** Overwrites a tensor; everything recorded before still sees the old content, everything after the new. */
  write(tensor: Tensor, data: Data, byteOffset = 0): void {
    this.#recorder.submit();
    const tail = data.byteLength % 4;
    if (data.byteLength + byteOffset > tensor.bytes + ((4 - (tensor.bytes % 4)) % 4)) {
      throw new Error(`${tensor.label}: ${data.byteLength} bytes at ${byteOffset} do not fit ${tensor.bytes}`);
    }
    const whole = data.byteLength - tail;
    const queue = this.profiler?.fenced ?? this.queue;
    if (whole > 0) queue.writeBuffer(tensor.buffer, byteOffset, data.buffer as ArrayBuffer, data.byteOffset, whole);
    if (tail > 0) {
      const last = new Uint8Array(4);
      last.set(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset + whole, tail));
      queue.writeBuffer(tensor.buffer, byteOffset + whole, last.buffer, 0, 4);
    }
  }

  /** Reads f32 values; waits for all work submitted before. */
  async read(tensor: Tensor): Promise<Float32Array> {
    const [bytes] = await this.readBytes([tensor]);
    return new Float32Array((bytes as Uint8Array).buffer, 0, numel(tensor.shape));
  }

  async readU32(tensor: Tensor): Promise<Uint32Array> {
    const [bytes] = await this.readBytes([tensor]);
    return new Uint32Array((bytes as Uint8Array).buffer, 0, numel(tensor.shape));
  }

  /** Reads several tensors with one submit and one wait. Rejects if any work before it failed. */
  async readBytes(tensors: readonly Tensor[]): Promise<Uint8Array[]> {
    const recorder = this.recorder();
    const buffers = tensors.map((tensor) => {
      const staging = this.#stagingFor(Math.max(tensor.bytes, 4));
      recorder.copyToStaging(tensor, staging);
      return staging;
    });
    recorder.submit();
    const waiting = this.#wait();
    this.counters.readbacks++;
    const from = now();
    try {
      await this.profiler?.fenced?.drain();
      const mapped = async () => {
        await this.queue.passedOn();
        await Promise.all(buffers.map((buffer) => buffer.mapAsync(GPUMapMode.READ)));
      };
      await patiently(mapped(), this.caps.isSoftware);
    } catch (error) {
      // A lost device first rejects what was asked of it, and tells a moment later that it is lost.
      await Promise.race([this.#lost, new Promise((resolve) => setTimeout(resolve, LOSS_TOLD_MS))]);
      for (const buffer of buffers) this.#destroyStaging(buffer);
      await this.#checkErrors(waiting);
      throw error;
    }
    this.profiler?.span('wait', 'readback', from, now(), { bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0) });
    try {
      await this.#checkErrors(waiting);
    } catch (error) {
      for (const buffer of buffers) this.#destroyStaging(buffer);
      throw error;
    }
    return tensors.map((tensor, i) => {
      const buffer = buffers[i] as GPUBuffer;
      const copy = new Uint8Array(buffer.getMappedRange().slice(0, tensor.bytes));
      buffer.unmap();
      this.#staging.get(buffer.size)?.push(buffer);
      return copy;
    });
  }

  /** Waits for the queue and throws what went wrong in it. */
  async sync(): Promise<void> {
    const waiting = this.#wait();
    const from = now();
    try {
      await this.profiler?.fenced?.drain();
      await patiently(this.queue.done(), this.caps.isSoftware);
    } catch (error) {
      this.#waiting.delete(waiting);
      throw error;
    }
    this.profiler?.span('wait', 'sync', from, now());
    await this.#checkErrors(waiting);
  }

  /** Registers something that must hold before results are believed. */
  expect(promise: Promise<unknown>): void {
    promise.catch(() => {});
    this.#expected.add(promise);
  }

  /** Starts timing every dispatch, until `stopProfiling`. One profiler at a time. */
  startProfiling(): Profiler {
    if (this.profiler) throw new Error('the device is profiled already');
    this.#recorder.submit();
    this.profiler = new Profiler(this);
    return this.profiler;
  }

  stopProfiling(): void {
    if (!this.profiler) return;
    this.#recorder.submit();
    this.profiler.fenced?.flush();
    this.profiler.destroy();
    this.profiler = undefined;
  }

  /** Runs work that a profile shows by a name: `rollout`, `train`. */
  async phase<T>(name: string, work: () => Promise<T>, args?: Span['args']): Promise<T> {
    return this.profiler ? this.profiler.phase(name, work, args) : work();
  }

  destroy(): void {
    this.stopProfiling();
    this.gpu.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #wait(): Waiting {
    const waiting = { expected: [...this.#expected], failure: this.#failure };
    this.#waiting.add(waiting);
    return waiting;
  }

  async #checkErrors(waiting: Waiting): Promise<void> {
    const outcomes = await Promise.allSettled(waiting.expected);
    for (const looked of waiting.expected) this.#expected.delete(looked);
    this.#waiting.delete(waiting);
    const lost = this.#failure instanceof DeviceLostError ? this.#failure : undefined;
    const failure = waiting.failure ?? this.#failure;
    this.#failure = lost;
    if (lost) throw lost;
    // An uncaptured error may only be what followed from a shader that did not compile: the cause is shown.
    const cause = outcomes.find((outcome) => outcome.status === 'rejected');
    if (cause) throw cause.reason;
    if (failure) throw failure;
  }

  #stagingFor(bytes: number): GPUBuffer {
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, 256)));
    let list = this.#staging.get(size);
    if (!list) {
      list = [];
      this.#staging.set(size, list);
    }
    const idle = list.pop();
    if (idle) return idle;
    this.#stagingBytes += size;
    return this.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  #destroyStaging(buffer: GPUBuffer): void {
    this.#stagingBytes -= buffer.size;
    this.queue.destroy(buffer);
  }
}
