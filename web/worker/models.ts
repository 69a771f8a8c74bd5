import { openFolder } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { browserHubStore } from '../../src/gpu/hub_store.browser.ts';
import { type HubName, type HubProgress, openHubModel, parseHubName } from '../../src/model/hub.ts';
import { openPicked, type Picked } from '../../src/model/picked_files.ts';
import type { ModelInfo, Session } from './session.ts';

/** Where the embedded demonstration model is served: beside the page, whose folder the worker is named by. */
const DEMO = new URL('models/demo', self.name).href;

/** A model of the Hub of which something is in the page's storage. */
export interface CachedModel {
  /** `owner/name`. */
  readonly name: string;
  /** As the storage calls it, for `removeCached`. */
  readonly repo: string;
  readonly bytes: number;
  /** False where a part has yet to come. */
  readonly whole: boolean;
}

/** Where models come from: the embedded one, files of this computer, the Hub. */
export class Models {
  readonly #session: Session;
  readonly #store = browserHubStore();
  #download: AbortController | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  async loadDemo(): Promise<ModelInfo> {
    return this.#session.load(await openFolder(DEMO));
  }

  /** A folder, a .gguf file, or the files of a folder. @throws UserError for what is no model */
  async loadPicked(picked: Picked): Promise<ModelInfo> {
    return this.#session.load(await openPicked(picked));
  }

  /**
   * Brings a model of the Hub into the page's storage, as far as it is not there.
   *
   * @param name as `owner/name`, `owner/name@revision`, `owner/name:Q4_K_M`, `owner/name/file.gguf`
   * @param onProgress bytes of what has to come
   * @returns false where it was paused
   * @throws UserError for a name that is none, what the Hub refuses, a connection that breaks (what came stays), no space
   */
  async bringHub(name: string, onProgress: (progress: HubProgress) => void): Promise<boolean> {
    const parsed = hubName(name);
    this.#download?.abort();
    const download = new AbortController();
    this.#download = download;
    try {
      await openHubModel(parsed, { store: this.#store, signal: download.signal, onProgress });
      return true;
    } catch (error) {
      if (download.signal.aborted) return false;
      throw error;
    } finally {
      if (this.#download === download) this.#download = undefined;
    }
  }

  /** A model that `bringHub` has brought; without a connection as it was last seen. */
  async loadHub(name: string): Promise<ModelInfo> {
    return this.#session.load(await openHubModel(hubName(name), { store: this.#store }));
  }

  /** Ends the download that goes on; what has come stays, and `bringHub` goes on from there. */
  pauseHub(): void {
    this.#download?.abort();
  }

  async cached(): Promise<CachedModel[]> {
    const stored = await this.#store.repositories();
    return stored
      .filter(({ repo }) => repo.startsWith('models--'))
      .map(({ repo, bytes, whole }) => {
        const [owner = '', ...name] = repo.slice('models--'.length).split('--');
        return { repo, bytes, whole, name: `${owner}/${name.join('--')}` };
      });
  }

  /** Removes what has come of a model; one that is on the GPU stays there. */
  async removeCached(repo: string): Promise<void> {
    await this.#store.remove(repo);
  }
}

/** @throws UserError for what cannot be a name on the Hub */
function hubName(name: string): HubName {
  const parsed = parseHubName(name.trim());
  if (parsed) return parsed;
  throw new UserError(
    `${name.trim() || 'Nothing'} is no name on the Hub. Write owner/name, such as Qwen/Qwen2.5-0.5B-Instruct; for a GGUF file ` +
      'say which one, as in owner/name:Q4_K_M or owner/name/file.gguf.',
  );
}
