import { now } from '#platform';
import { type Commands, LateCommands, type WorkQueue } from './work_queue.ts';

type Work = () => void;
type Told = (from: number, ms: number) => void;

/** Empty submits that a fence is measured by. */
const FENCES = 16;

/**
 * A queue that keeps its work until `drain` carries it out one submit at a time, each waited for: how long a dispatch takes
 * where there are no timestamps.
 */
export class FencedQueue {
  readonly #queue: WorkQueue;
  #work: { run: Work; commands?: Commands; told?: Told }[] = [];
  /** Milliseconds that an empty submit takes until it is known to be done. */
  #fence: number | undefined;
  /** Settles when no `drain` is under way. */
  #turn: Promise<void> = Promise.resolve();

  constructor(queue: WorkQueue) {
    this.#queue = queue;
  }

  submit(commands: Commands, after?: () => void): void {
    this.#work.push({ run: () => this.#queue.submit(commands), commands });
    after?.();
  }

  writeBuffer(buffer: GPUBuffer, offset: number, data: ArrayBuffer, dataOffset: number, size: number): void {
    const copy = data.slice(dataOffset, dataOffset + size);
    this.#work.push({ run: () => this.#queue.writeBuffer(buffer, offset, copy, 0, size) });
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

  /** One call after the other: two at once would overtake each other's waits. */
  drain(): Promise<void> {
    const drained = this.#turn.then(() => this.#carryOut());
    this.#turn = drained.catch(() => {});
    return drained;
  }

  async #carryOut(): Promise<void> {
    this.#fence ??= await this.#measureFence();
    for (let next = this.#work[0]; next; next = this.#work[0]) {
      if (next.told) {
        // What its pipelines take to be made is not the dispatch's time.
        if (next.commands instanceof LateCommands) await next.commands.made();
        await this.#queue.done();
      }
      // Who flushed in the meantime has carried it out.
      if (this.#work[0] !== next) continue;
      this.#work.shift();
      const from = now();
      next.run();
      if (!next.told) continue;
      await this.#queue.done();
      next.told(from, now() - from - this.#fence);
    }
  }

  async #measureFence(): Promise<number> {
    const samples: number[] = [];
    await this.#queue.done();
    for (let i = 0; i < FENCES; i++) {
      const from = now();
      this.#queue.submit(undefined);
      await this.#queue.done();
      samples.push(now() - from);
    }
    return Math.min(...samples);
  }
}
