import type { Session } from './session.ts';

export class Benchmarks {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }
}
