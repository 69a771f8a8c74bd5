/** What a device has done since it was opened. */
export interface Counts {
  /** Dispatches recorded. */
  readonly dispatches: number;
  /** Command buffers handed to the queue. */
  readonly submits: number;
  /** Waits for data from the GPU, however many tensors each brought. */
  readonly readbacks: number;
  readonly buffers: number;
  /** Bytes of those buffers, whether they still exist or not. */
  readonly bufferBytes: number;
  readonly pipelines: number;
  readonly bindGroups: number;
}

/**
 * Counts what is dear to create or to wait for, always: a run in its steady state creates no buffer, no pipeline and no
 * bind group.
 */
export class Counters implements Counts {
  dispatches = 0;
  submits = 0;
  readbacks = 0;
  buffers = 0;
  bufferBytes = 0;
  pipelines = 0;
  bindGroups = 0;

  /** The counts as they stand: a copy that `since` compares with. */
  snapshot(): Counts {
    return { ...this };
  }

  /** What was added since a snapshot. */
  since(before: Counts): Counts {
    const keys = Object.keys(this) as (keyof Counts)[];
    return Object.fromEntries(keys.map((key) => [key, this[key] - before[key]])) as unknown as Counts;
  }
}
