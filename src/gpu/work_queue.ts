import type { Pipeline } from './pipelines.ts';

/** What a pass of compute commands takes of its pipeline and its bind group. */
export interface Pass {
  setPipeline(pipeline: GPUComputePipeline): void;
  setBindGroup(index: number, group: GPUBindGroup, dynamicOffsets: number[]): void;
  dispatchWorkgroups(x: number, y: number, z: number): void;
  end(): void;
}

/** As much of a command encoder as recording uses. */
export interface Commands {
  beginComputePass(descriptor?: GPUComputePassDescriptor): Pass;
  copyBufferToBuffer(source: GPUBuffer, from: number, target: GPUBuffer, to: number, bytes: number): void;
  clearBuffer(buffer: GPUBuffer, offset: number, bytes: number): void;
  resolveQuerySet(queries: GPUQuerySet, first: number, count: number, target: GPUBuffer, offset: number): void;
  /** Undefined where a pipeline did not compile. */
  finish(): GPUCommandBuffer | undefined;
}

/** Commands of which some wait for a pipeline that is still being made: they are kept, and encoded when they are sent. */
export class LateCommands implements Commands {
  readonly #gpu: GPUDevice;
  readonly #commands: ((encoder: GPUCommandEncoder) => void)[] = [];
  readonly #pipelines = new Set<Pipeline>();
  /** The one that is encoded, while it is. */
  #pass: GPUComputePassEncoder | undefined;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** Settles when every pipeline is made, or failed to be. */
  async made(): Promise<void> {
    for (const { making } of this.#pipelines) await making;
  }

  /** Settles as `made` does; rejects where one failed, and so nothing of this is sent. */
  async compiled(): Promise<void> {
    await this.made();
    for (const { failure } of this.#pipelines) if (failure) throw failure;
  }

  beginComputePass(descriptor?: GPUComputePassDescriptor): Pass {
    this.#commands.push((encoder) => {
      this.#pass = encoder.beginComputePass(descriptor);
    });
    return {
      setPipeline: (pipeline) => this.#within((pass) => pass.setPipeline(pipeline)),
      setBindGroup: (index, group, offsets) => this.#within((pass) => pass.setBindGroup(index, group, offsets)),
      dispatchWorkgroups: (x, y, z) => this.#within((pass) => pass.dispatchWorkgroups(x, y, z)),
      end: () => this.#within((pass) => pass.end()),
    };
  }

  /** In the pass that was begun last. */
  setPipeline(pipeline: Pipeline): void {
    this.#pipelines.add(pipeline);
    this.#within((pass) => pass.setPipeline(pipeline.handle as GPUComputePipeline));
  }

  copyBufferToBuffer(...args: Parameters<Commands['copyBufferToBuffer']>): void {
    this.#commands.push((encoder) => encoder.copyBufferToBuffer(...args));
  }

  clearBuffer(...args: Parameters<Commands['clearBuffer']>): void {
    this.#commands.push((encoder) => encoder.clearBuffer(...args));
  }

  resolveQuerySet(...args: Parameters<Commands['resolveQuerySet']>): void {
    this.#commands.push((encoder) => encoder.resolveQuerySet(...args));
  }

  finish(): GPUCommandBuffer | undefined {
    for (const { handle } of this.#pipelines) if (!handle) return undefined;
    const encoder = this.#gpu.createCommandEncoder();
    for (const command of this.#commands) command(encoder);
    return encoder.finish();
  }

  #within(command: (pass: GPUComputePassEncoder) => void): void {
    this.#commands.push(() => command(this.#pass as GPUComputePassEncoder));
  }
}

/**
 * The device's queue, which also takes commands whose pipelines are still being made. Those wait, and all that is given
 * after them waits behind them, so the order is as ever; while nothing waits, everything is passed on at once. A browser's GPU
 * process draws its pages too: a pipeline made within the queue would hold them up for as long as it takes to compile.
 */
export class WorkQueue {
  readonly #queue: GPUQueue;
  readonly #late: { readonly made?: () => Promise<void>; readonly run: () => void }[] = [];
  #carried: Promise<void> = Promise.resolve();

  constructor(queue: GPUQueue) {
    this.#queue = queue;
  }

  /** @param after called once it has been sent */
  submit(commands: Commands | undefined, after?: () => void): void {
    const late = commands instanceof LateCommands ? commands : undefined;
    const run = () => {
      const buffer = commands?.finish();
      this.#queue.submit(buffer ? [buffer] : []);
      after?.();
    };
    if (late || this.#late.length > 0) this.#wait({ ...(late && { made: () => late.made() }), run });
    else run();
  }

  writeBuffer(buffer: GPUBuffer, offset: number, data: ArrayBuffer, dataOffset: number, size: number): void {
    if (this.#late.length === 0) {
      this.#queue.writeBuffer(buffer, offset, data, dataOffset, size);
      return;
    }
    const copy = data.slice(dataOffset, dataOffset + size);
    this.#wait({ run: () => this.#queue.writeBuffer(buffer, offset, copy) });
  }

  /** Destroys what nothing that is given from now on uses, once all that was given before has been passed on. */
  destroy(unused: GPUBuffer | GPUQuerySet): void {
    if (this.#late.length === 0) unused.destroy();
    else this.#wait({ run: () => unused.destroy() });
  }

  /** Settles when everything given so far has been passed on. */
  passedOn(): Promise<void> {
    return this.#carried;
  }

  /** Settles when everything given so far has been carried out by the GPU. */
  async done(): Promise<void> {
    await this.#carried;
    await this.#queue.onSubmittedWorkDone();
  }

  #wait(work: { readonly made?: () => Promise<void>; readonly run: () => void }): void {
    this.#late.push(work);
    if (this.#late.length > 1) return;
    this.#carried = this.#carryOn();
    // Whoever waits is told.
    this.#carried.catch(() => {});
  }

  async #carryOn(): Promise<void> {
    let failure: unknown;
    for (let next = this.#late[0]; next; next = this.#late[0]) {
      await next.made?.();
      try {
        next.run();
      } catch (error) {
        failure ??= error;
      }
      // Not before: what is given meanwhile must not overtake it.
      this.#late.shift();
    }
    if (failure) throw failure;
  }
}
