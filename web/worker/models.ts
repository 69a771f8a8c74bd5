import { openFolder } from '#platform';
import type { ModelInfo, Session } from './session.ts';

/** Where the embedded demonstration model is served: beside the page, whose folder the worker is named by. */
const DEMO = new URL('models/demo', self.name).href;

/** Where models come from: the embedded one, files of this computer, the Hub. */
export class Models {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async loadDemo(): Promise<ModelInfo> {
    return this.#session.load(await openFolder(DEMO));
  }
}
