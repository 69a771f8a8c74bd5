import { isNode } from '#platform';
import { UserError } from '../gpu/errors.ts';
import type { HubEntry, HubSettings } from '../gpu/hub_store.ts';
import { download, encodedPath, messageOf } from './download.ts';
import { isSafePath, named, type RandomAccess } from './files.ts';
import type { HubOptions } from './hub.ts';

interface RepositoryName {
  readonly type: 'model' | 'dataset';
  /** `owner/name`. */
  readonly name: string;
  readonly revision: string;
}

/** A repository at one commit, seen through the store. */
export interface Repository {
  readonly name: string;
  /** For messages: the Hub's address, or the store's. */
  readonly place: string;
  /** Files that it has; where there is no connection, those that the store has. */
  readonly paths: readonly string[];
  /** Brings files into the store, one after the other. @throws UserError where one does not exist or does not come; `why` says what it is for */
  bring(paths: readonly string[], why?: string): Promise<void>;
  /** A file that was fetched. */
  open(path: string): Promise<RandomAccess>;
  openIfThere(path: string): Promise<RandomAccess | undefined>;
}

type Options = HubOptions & HubSettings;

/** No answer from the Hub, as opposed to one that says no. */
class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * @param within look at the files of this folder alone: a data set may have very many
 * @throws UserError for what the Hub refuses, or what is not in the store where the Hub is not to be had
 */
export async function openRepository(where: RepositoryName, options: Options, within?: string): Promise<Repository> {
  if (options.offline) return stored(where, options, 'no connection is allowed (--offline, HF_HUB_OFFLINE)');
  try {
    return await online(where, options, within);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    const repository = await stored(where, options, `${options.endpoint} cannot be reached (${error.message})`);
    options.onNote?.(`${error.message}: ${where.name} is taken from ${options.store.where} as it was last seen.`);
    return repository;
  }
}

/** The folder's name in the cache of every Hugging Face library. */
function folderOf({ type, name }: RepositoryName): string {
  return `${type}s--${name.replaceAll('/', '--')}`;
}

async function online(where: RepositoryName, options: Options, within: string | undefined): Promise<Repository> {
  const { store, endpoint, signal } = options;
  const { type, name, revision } = where;
  const ask: typeof fetch = (input, init) => request(where, options, String(input), init);
  const { commit, entries } = await contents(where, endpoint, ask, within);
  const folder = folderOf(where);
  if (revision !== commit) await store.remember(folder, revision, commit);

  const bring: Repository['bring'] = async (paths, why) => {
    const wanted = paths.map((path) => {
      const entry = entries.get(path);
      if (entry && isSafePath(path)) return entry;
      throw new UserError(`${name} (${revision}) has no ${path} on ${endpoint}.${why ? ` ${why}.` : ''}`);
    });
    const there = await Promise.all(wanted.map(isThere));
    const missing = wanted.filter((_, i) => !there[i]);
    const total = missing.reduce((sum, { size }) => sum + size, 0);
    let before = 0;
    for (const entry of missing) {
      const at = (bytes: number) => options.onProgress?.({ file: entry.path, done: before + bytes, total });
      // Before the first byte: who cannot take them all may say so.
      at(0);
      const url = `${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${name}/resolve/${commit}/${encodedPath(entry.path)}`;
      await download({ folder, commit, entry, url, of: name }, options, ask, at);
      at(entry.size);
      before += entry.size;
    }
  };
  const isThere = async ({ path, size }: HubEntry) => {
    const file = await store.open(folder, commit, path);
    await file?.close();
    return file?.size === size;
  };
  signal?.throwIfAborted();
  return { ...reader(where, commit, options), place: endpoint, paths: [...entries.keys()], bring };
}

interface Contents {
  readonly commit: string;
  readonly entries: ReadonlyMap<string, HubEntry>;
}

/** @throws UserError for answers that are not the Hub's, beside what `ask` throws */
async function contents(
  { type, name, revision }: RepositoryName,
  endpoint: string,
  ask: typeof fetch,
  within: string | undefined,
): Promise<Contents> {
  const { datasetInfo, listFiles, modelInfo } = await import('@huggingface/hub');
  const asked = { hubUrl: endpoint, fetch: ask };
  const about = { ...asked, name, revision, additionalFields: ['sha' as const] };
  try {
    const { sha: commit } = await (type === 'model' ? modelInfo(about) : datasetInfo(about));
    if (!COMMIT.test(commit)) throw new TypeError(`${JSON.stringify(commit)} is no commit`);
    const entries = new Map<string, HubEntry>();
    const listing = { ...asked, repo: { type, name }, revision: commit, recursive: within === undefined };
    for await (const file of listFiles({ ...listing, ...(within && { path: within }) })) {
      const etag = file.lfs?.oid ?? file.oid ?? '';
      if (file.type !== 'file') continue;
      if (!/^[0-9a-f]+$/.test(etag)) throw new TypeError(`${JSON.stringify(etag)} is no hash`);
      entries.set(file.path, { path: file.path, size: file.lfs?.size ?? file.size, etag });
    }
    return { commit, entries };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new UserError(`${endpoint} does not answer as the Hub does (${error.message}): check HF_ENDPOINT.`);
  }
}

async function stored(where: RepositoryName, options: Options, reason: string): Promise<Repository> {
  const { store } = options;
  const { name, revision } = where;
  const folder = folderOf(where);
  const commit = (await store.commitOf(folder, revision)) ?? (COMMIT.test(revision) ? revision : undefined);
  const paths = commit === undefined ? [] : await store.list(folder, commit);
  const missing = (what: string) =>
    new UserError(
      `${what} is not in ${store.where}, and ${reason}. ` +
        (isNode
          ? 'Fetch it once with a connection (after that --offline needs none), name another cache with HF_HUB_CACHE, ' +
            `or give the path of ${where.type === 'dataset' ? 'a data file (--data)' : 'a folder or a .gguf file'}.`
          : 'Fetch it once with a connection, or open its files from this computer.'),
    );
  if (commit === undefined || paths.length === 0) throw missing(`${name} (${revision})`);
  const bring: Repository['bring'] = async (wanted) => {
    const first = wanted.find((path) => !paths.includes(path));
    if (first !== undefined) throw missing(`${first} of ${name} (${revision})`);
  };
  return { ...reader(where, commit, options), place: store.where, paths, bring };
}

function reader(
  where: RepositoryName,
  commit: string,
  { store }: Options,
): Pick<Repository, 'name' | 'open' | 'openIfThere'> {
  const openIfThere = async (path: string) => {
    const file = isSafePath(path) ? await store.open(folderOf(where), commit, path) : undefined;
    return file && named(file, `${where.name}/${path}`);
  };
  const open = async (path: string) => {
    const file = await openIfThere(path);
    if (!file) throw new UserError(`${path} of ${where.name} has vanished from ${store.where}. Try again.`);
    return file;
  };
  return { name: where.name, open, openIfThere };
}

/** @throws Unreachable where no answer comes, UserError for one that refuses */
async function request(where: RepositoryName, options: Options, url: string, init?: RequestInit): Promise<Response> {
  const { endpoint, token, signal } = options;
  const headers = new Headers(init?.headers);
  // The token is for the Hub alone; fetch itself takes it off where it is sent on to another host.
  if (token && new URL(url).origin === new URL(endpoint).origin) headers.set('authorization', `Bearer ${token}`);
  const response = await fetch(url, { ...init, headers, ...(signal && { signal }) }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new Unreachable(messageOf(error));
  });
  if (response.ok) return response;
  await response.body?.cancel();
  if (response.status >= 500 || response.status === 429) {
    throw new Unreachable(`${new URL(url).host} answers with HTTP status ${response.status}`);
  }
  throw new UserError(refusal(where, options, response));
}

function refusal({ type, name, revision }: RepositoryName, options: Options, response: Response): string {
  const { endpoint, token } = options;
  const { status } = response;
  const page = `${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${name}`;
  const how = !isNode
    ? 'A page has no token for private and gated ones: fetch those with `hf download` and open their folder.'
    : token
      ? 'The token that was sent (HF_TOKEN, or the file that `hf auth login` writes) gives no access.'
      : 'For private and gated ones set HF_TOKEN, or log in with `hf auth login`.';
  if (status === 403) return `${page} is not open to you (HTTP status 403): ask for access on that page. ${how}`;
  if (response.headers.get('x-error-code') === 'RevisionNotFound') {
    return `${page} has no branch, tag or commit ${JSON.stringify(revision)}.`;
  }
  if (status === 401 || status === 404) {
    return `There is no ${type} ${page}, or not for you (HTTP status ${status}). ${how}`;
  }
  return `${page} cannot be read: HTTP status ${status}${response.statusText ? ` (${response.statusText})` : ''}.`;
}
