import type { Session } from './session.ts';

export class Steer {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }
}
