import { UserError } from '../../src/gpu/errors.ts';

/** One piece of work at a time on the GPU: the next waits for the one before, unless that is one that holds on. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();
  #held: string | undefined;
  #ongoing: string | undefined;

  /** Runs `work` after all that came before it. @throws UserError at once while something holds the GPU for long */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#held !== undefined) {
      throw new UserError(`The GPU is busy ${this.#held}: pause that first; ${name} can go on after it.`);
    }
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Holds the GPU for as long as `work` takes: whoever asks meanwhile is told so instead of waiting. */
  async hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.refuseDuring(name);
    return this.take(name, async () => {
      this.#held = name;
      try {
        return await work();
      } finally {
        this.#held = undefined;
      }
    });
  }

  /** What goes on over many turns, between which others may take theirs; what needs the GPU or its model for itself is refused. */
  async during<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.refuseDuring(name);
    this.#ongoing = name;
    try {
      return await work();
    } finally {
      this.#ongoing = undefined;
    }
  }

  /** @throws UserError while something goes on that needs the model to stay as it is */
  refuseDuring(name: string): void {
    if (this.#ongoing === undefined) return;
    throw new UserError(`The GPU is busy ${this.#ongoing}: pause that first; ${name} can go on after it.`);
  }
}
