import type { Session } from './session.ts';

export class Inspection {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }
}
