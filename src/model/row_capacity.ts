/** Rows come so many at a time: products compute whole tiles of rows anyway, and a pass is recorded anew for each number. */
const ROW_STEP = { software: 4, gpu: 16 };
/** Before anything is known of how completions part: one in so many does at a token. */
const PRIOR = 16;

/**
 * How many rows the passes until the next readback have. Completions with the same tokens share a row, and part in between:
 * of d completions beyond their classes' firsts, d (1 - p)^T still share after T passes. Those for whom there is no row
 * wait, so what is sampled does not depend on it.
 */
export class RowCapacity {
  readonly #step: number;
  #parted = 1;
  #together = PRIOR;

  constructor(software: boolean) {
    this.#step = software ? ROW_STEP.software : ROW_STEP.gpu;
  }

  /**
   * @param classes of completions that have the same tokens
   * @param completions that are not finished
   */
  rows(o: { classes: number; completions: number; passes: number }): number {
    const { classes, completions, passes } = o;
    const together = (completions - classes) * (1 - this.#parted / this.#together) ** (passes * SLACK);
    return this.#step * Math.ceil(Math.min(completions, completions - together) / this.#step);
  }

  /** @param o as the passes began; `after`: the classes at their end */
  learn(o: { classes: number; completions: number; passes: number; after: number }): void {
    const { classes, completions, passes, after } = o;
    this.#together += (completions - classes) * passes;
    this.#parted += Math.min(Math.max(0, after - classes), (completions - classes) * passes);
  }
}
const SLACK = Number((globalThis as any).process?.env.SLACK ?? 0.5);
