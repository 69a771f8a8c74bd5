import { now } from '#platform';

type Work = () => void;
type Told = (from: number, ms: number) => void;

/** Empty submits that a fence is measured by. */
const FENCES = 16;

/**
 * A queue that keeps its work until `drain` carries it out one submit at a time, each waited for: how long a dispatch takes
 * where there are no timestamps.
 */
export class FencedQueue {
  readonly #queue: GPUQueue;
  #work: { run: Work; told?: Told }[] = [];
  /** Milliseconds that an empty submit takes until it is known to be done. */
  #fence: number | undefined;

  constructor(queue: GPUQueue) {
    this.#queue = queue;
  }

  submit(buffers: readonly GPUCommandBuffer[]): void {
    this.#work.push({ run: () => this.#queue.submit(buffers as GPUCommandBuffer[]) });
  }

  writeBuffer(buffer: GPUBuffer, offset: number, data: ArrayBuffer, dataOffset: number, size: number): void {
    const copy = data.slice(dataOffset, dataOffset + size);
    this.#work.push({ run: () => this.#queue.writeBuffer(buffer, offset, copy) });
  }

  /** The submit that was given last is timed by its own. */
  timeLast(told: Told): void {
    const last = this.#work.at(-1);
    if (last) last.told = told;
  }

  /** Carries everything out without waiting, and so without a time. */
  flush(): void {
    for (const { run } of this.#work.splice(0)) run();
  }

  async drain(): Promise<void> {
    this.#fence ??= await this.#measureFence();
    for (let next = this.#work.shift(); next; next = this.#work.shift()) {
      if (!next.told) {
        next.run();
        continue;
      }
      await this.#queue.onSubmittedWorkDone();
      const from = now();
      next.run();
      await this.#queue.onSubmittedWorkDone();
      next.told(from, now() - from - this.#fence);
    }
  }

  async #measureFence(): Promise<number> {
    const samples: number[] = [];
    await this.#queue.onSubmittedWorkDone();
    for (let i = 0; i < FENCES; i++) {
      const from = now();
      this.#queue.submit([]);
      await this.#queue.onSubmittedWorkDone();
      samples.push(now() - from);
    }
    return Math.min(...samples);
  }
}
