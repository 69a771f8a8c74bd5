import { openFolder } from '#platform';
import { formatBytes } from '../../src/gpu/bytes.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { browserHubStore, type StoredRepository } from '../../src/gpu/hub_store.browser.ts';
import { type HubName, type HubProgress, openHubModel, parseHubName } from '../../src/model/hub.ts';
import { openPicked, type Picked } from '../../src/model/picked_files.ts';
import type { ModelInfo, Session, UploadProgress } from './session.ts';

/** Where the embedded demonstration model is served: beside the page, whose folder the worker is named by. */
const DEMO = new URL('models/demo', self.name).href;
/** The page hears of progress no more often. */
const TELL_MS = 100;

/** A repository of the Hub of which something is in the page's storage. */
export interface CachedRepository {
  /** As the storage calls it, for `removeCached`. */
  readonly repo: string;
  /** As people read it. */
  readonly name: string;
  readonly bytes: number;
  /** False where a part has yet to come. */
  readonly whole: boolean;
  /** Names for `bringHub` and `loadHub`; none for a data set, or where too little has come to tell. */
  readonly models: readonly string[];
}

/** Where models come from: the embedded one, files of this computer, the Hub. */
export class Models {
  readonly #session: Session;
  readonly #store = browserHubStore();
  #download: AbortController | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  async loadDemo(onProgress?: UploadProgress): Promise<ModelInfo> {
    return this.#load(await openFolder(DEMO), onProgress);
  }

  /** A folder, a .gguf file, or the files of a folder. @throws UserError for what is no model */
  async loadPicked(picked: Picked, onProgress?: UploadProgress): Promise<ModelInfo> {
    return this.#load(await openPicked(picked), onProgress);
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
    if (this.#download) throw new UserError('Another model is being fetched: pause that first.');
    const download = new AbortController();
    this.#download = download;
    const tell = seldom(onProgress);
    let announced = 0;
    const onFetched = (progress: HubProgress) => {
      const { done, total } = progress;
      // Each group of files says once how much it is: before it has come for an hour is the time to refuse.
      if (announced !== total) void endWhereNoRoom(name, total - done, download);
      announced = total;
      tell(done === total, progress);
    };
    try {
      await openHubModel(parsed, { store: this.#store, signal: download.signal, onProgress: onFetched });
      return true;
    } catch (error) {
      const { aborted, reason } = download.signal;
      if (aborted && reason instanceof UserError) throw reason;
      if (aborted) return false;
      throw error;
    } finally {
      this.#download = undefined;
    }
  }

  /** A model that `bringHub` has brought; without a connection as it was last seen. */
  async loadHub(name: string, onProgress?: UploadProgress): Promise<ModelInfo> {
    return this.#load(await openHubModel(hubName(name), { store: this.#store }), onProgress);
  }

  /** Ends the download that goes on; what has come stays, and `bringHub` goes on from there. */
  pauseHub(): void {
    this.#download?.abort();
  }

  async cached(): Promise<CachedRepository[]> {
    return Promise.all((await this.#store.repositories()).map((stored) => this.#describe(stored)));
  }

  /** Removes what has come of a model; one that is on the GPU stays there. @throws UserError while it is being fetched */
  async removeCached(repo: string): Promise<void> {
    await this.#store.remove(repo);
  }

  #load(files: Parameters<Session['load']>[0], onProgress?: UploadProgress): Promise<ModelInfo> {
    const tell = seldom(onProgress);
    return this.#session.load(files, (done, total) => tell(done === total, done, total));
  }

  async #describe({ repo, bytes, whole, revisions }: StoredRepository): Promise<CachedRepository> {
    const [, kind, owner, rest] = /^(model|dataset)s--(.+?)--(.+)$/.exec(repo) ?? [];
    const name = kind === undefined ? repo : `${owner}/${rest}`;
    if (kind !== 'model') return { repo, bytes, whole, name: kind ? `${name} (data set)` : name, models: [] };
    const models: string[] = [];
    let complete = whole;
    for (const [revision, commit] of revisions) {
      const named = revision === 'main' ? name : `${name}@${revision}`;
      const paths = await this.#store.list(repo, commit);
      if (paths.includes('config.json')) {
        models.push(named);
        complete &&= hasWeights(paths);
      } else models.push(...paths.filter((path) => /\.gguf$/i.test(path)).map((path) => `${named}/${path}`));
    }
    return { repo, bytes, whole: complete, name, models };
  }
}

/** Shards say in their names how many there are. */
function hasWeights(paths: readonly string[]): boolean {
  const shards = paths.flatMap((path) => /-\d+-of-(\d+)\.safetensors$/.exec(path)?.[1] ?? []);
  return paths.includes('model.safetensors') || (shards.length > 0 && shards.length === Number(shards[0]));
}

/** Ends a download for which the browser gives the page too little storage. */
async function endWhereNoRoom(name: string, bytes: number, download: AbortController): Promise<void> {
  const { usage = 0, quota = Number.POSITIVE_INFINITY } = await navigator.storage.estimate();
  if (bytes <= quota - usage) return;
  download.abort(
    new UserError(
      `${name} needs ${formatBytes(bytes)} of storage, and of the ${formatBytes(quota)} that the browser gives this page ` +
        `${formatBytes(usage)} are used. Delete models that are kept here, free some of the disk, or take a smaller model.`,
    ),
  );
}

/** `tell`, at most every `TELL_MS` but for the last time. */
function seldom<A extends readonly unknown[]>(tell?: (...args: A) => void): (last: boolean, ...args: A) => void {
  let next = 0;
  return (last, ...args) => {
    const now = performance.now();
    if (now < next && !last) return;
    next = now + TELL_MS;
    tell?.(...args);
  };
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
