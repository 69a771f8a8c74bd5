import type { Runs } from './runs.ts';
import type { Session } from './session.ts';

/** Training of vectors on the model that is loaded. */
export class Training {
  readonly session: Session;
  readonly runs: Runs;

  constructor(session: Session, runs: Runs) {
    this.session = session;
    this.runs = runs;
  }
}
