import { hubSettings } from '#platform';
import { UserError } from '../gpu/errors.ts';
import type { HubStore } from '../gpu/hub_store.ts';
import { download, messageOf } from './download.ts';
import { isSafePath, type ModelFolder, memoryFile, type RandomAccess } from './files.ts';
import type { HubOptions } from './hub.ts';

/**
 * A model by its URL, a .gguf file or a folder, whose files are brought into the store (in a browser: OPFS) as they are opened
 * and are had from there as long as the server says that they have not changed, and while it cannot be reached.
 *
 * @throws UserError for a file that is not there and was not before
 */
export async function openUrlModel(url: string, options: HubOptions = {}): Promise<ModelFolder | RandomAccess> {
  const settings = { ...hubSettings(), ...options };
  const { pathname } = new URL(url);
  if (/\.gguf$/i.test(pathname)) {
    const file = await openUrl(new URL(url), settings);
    if (!file) throw new UserError(`There is no ${url}.`);
    return file;
  }
  const folder = new URL(url.endsWith('/') ? url : `${url}/`);
  const name = decodeURIComponent(folder.pathname.split('/').at(-2) || folder.host);
  const open = async (file: string) => {
    const address = new URL(file, folder);
    // A model's index names files: they lie in its folder.
    if (address.origin !== folder.origin || !address.pathname.startsWith(folder.pathname)) throw outside(address);
    return openUrl(address, settings);
  };
  return { name, open };
}

async function openUrl(url: URL, options: HubOptions & { store: HubStore }): Promise<RandomAccess | undefined> {
  const { store, signal } = options;
  const folder = `urls--${url.host.replace(':', '--')}`;
  const plain = decodeURIComponent(url.pathname.slice(1));
  if (!isSafePath(plain)) throw outside(url);
  const path = url.search === '' ? plain : `${plain}-${nameOf(url.search)}`;
  const ask: typeof fetch = async (input, init) => {
    const response = await fetch(input, { ...init, ...(signal && { signal }) });
    if (!response.ok) throw new UserError(`${url.href} cannot be fetched: HTTP status ${response.status}.`);
    return response;
  };
  const head = options.offline
    ? new Error('no connection is allowed (offline)')
    : await fetch(url, { method: 'HEAD', ...(signal && { signal }) }).catch((error: Error) => error);
  if (head instanceof Error) {
    signal?.throwIfAborted();
    const known = await store.commitOf(folder, path);
    const file = known === undefined ? undefined : await store.open(folder, known, path);
    if (file) return file;
    throw new UserError(`${url.href} is not in ${store.where}, and it cannot be fetched: ${messageOf(head)}.`);
  }
  // A page in place of a file is a server's answer to any path.
  if (head.status === 404 || head.headers.get('content-type')?.startsWith('text/html')) return undefined;
  if (!head.ok) throw new UserError(`${url.href} cannot be fetched: HTTP status ${head.status}.`);
  const size = Number(head.headers.get('content-length') ?? Number.NaN);
  if (!Number.isSafeInteger(size) || head.headers.has('content-encoding')) {
    // A text that is compressed on the way, or made on demand: its length is not known before.
    return memoryFile(url.href, new Uint8Array(await (await ask(url)).arrayBuffer()));
  }
  const commit = nameOf(`${head.headers.get('etag') ?? head.headers.get('last-modified') ?? ''} ${size}`);
  if (!(await store.open(folder, commit, path))) {
    const entry = { path, size, etag: nameOf(`${path} ${commit}`) };
    await download({ folder, commit, entry, url: url.href, of: url.host }, options, ask, (done) =>
      options.onProgress?.({ file: path, done, total: size }),
    );
    await store.remember(folder, path, commit);
  }
  return store.open(folder, commit, path);
}

function outside(url: URL): UserError {
  return new UserError(`${url.href} lies outside of the folder of its model: it is not opened.`);
}

/** As a file may be called. */
function nameOf(text: string): string {
  return text.replace(/[^\w.-]+/g, '-');
}
