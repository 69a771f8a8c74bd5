import { MAX_PASSES } from './slots.ts';

/** What a readback costs, in rows of a pass: the queue runs empty while the host looks at the tokens. */
const READBACK_ROWS = { software: 4, gpu: 16 };
/** The host wants to hear from the GPU so often: to show tokens, and to stop when it is told to. */
const LONGEST_MS = 100;
/** Before anything is known of how completions end: one in so many tokens does. */
const PRIOR_TOKENS = 32;

/**
 * How many passes to send before their tokens are read. A completion that ends in between is computed until the readback:
 * with a share h of the tokens ending a completion, T passes over n rows waste n h T (T - 1) / 2 rows and save T - 1 readbacks,
 * which is least for T = sqrt(2 · cost of a readback / n h). What is sampled does not depend on it.
 */
export class ReadbackSchedule {
  readonly #most: number;
  readonly #cost: number;
  #tokens = 0;
  #finished = 0;
  #passMs: number | undefined;

  /** @param most passes between two readbacks, at the most */
  constructor(software: boolean, most = MAX_PASSES) {
    this.#most = Math.min(most, MAX_PASSES);
    this.#cost = software ? READBACK_ROWS.software : READBACK_ROWS.gpu;
  }

  /** @param rows that are computed */
  passes(rows: number): number {
    const ending = (this.#finished + 1) / (this.#tokens + PRIOR_TOKENS);
    const cheapest = Math.sqrt((2 * this.#cost) / (Math.max(1, rows) * ending));
    const patient = this.#passMs === undefined ? 1 : LONGEST_MS / this.#passMs;
    return Math.max(1, Math.floor(Math.min(cheapest, patient, this.#most)));
  }

  /** @param ms that the passes took, where nothing but passes was done */
  learn(o: { passes: number; tokens: number; finished: number; ms: number | undefined }): void {
    this.#tokens += o.tokens;
    this.#finished += o.finished;
    if (o.ms !== undefined) this.#passMs = o.ms / o.passes;
  }
}
