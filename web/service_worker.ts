/**
 * Keeps the app and its embedded model for work without a connection. Files of the build come from the cache and the page
 * itself from the network where there is one, so that a new version is found; what other servers send is never kept.
 */
import type { Precached } from '../scripts/app_plugin.ts';

/** What of a service worker's scope is used: TypeScript's library for it does not go with a page's. */
interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Extendable {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Scope {
  /** The build writes it in front of this script. */
  readonly PRECACHE: { readonly version: string; readonly files: readonly Precached[] };
  readonly registration: ServiceWorkerRegistration;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}
const scope = self as unknown as Scope;

const { version, files } = scope.PRECACHE;
const PREFIX = `trimtab ${scope.registration.scope} `;
const CACHE = PREFIX + version;

/** The first 16 hexadecimal digits of the SHA-256 of each file's content, as the build took it. */
const hashes = new Map(files.map(({ path, hash }) => [urlOf(path), hash]));

/** Under what a file is kept: its content's hash is a part, so that a cache before this one may hold it already. */
const keys = new Map(files.map(({ path, hash }) => [urlOf(path), `${urlOf(path)}?content=${hash}`]));

/** A model's optional files are asked for and not there: with no connection neither. */
const MODELS = urlOf('models/');

function notThere(): Response {
  return new Response(null, { status: 404 });
}

function urlOf(path: string): string {
  return new URL(path, scope.registration.scope).href;
}

scope.addEventListener('install', (event) => event.waitUntil(install()));

scope.addEventListener('activate', (event) => event.waitUntil(activate()));

scope.addEventListener('message', ({ data }) => {
  if (data === 'activate') void scope.skipWaiting();
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  const isPage = request.mode === 'navigate';
  url.hash = '';
  url.search = '';
  const key = keys.get(isPage ? url.href.replace(/index\.html$/, '') : url.href);
  if (key !== undefined) event.respondWith(isPage ? pageOf(request, key) : keptOr(request, key));
  else if (url.href.startsWith(MODELS)) event.respondWith(fetch(request).catch(notThere));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const [url, key] of keys) {
    const kept = await caches.match(key);
    // Past the browser's own cache: a server may have let it keep what is old.
    const response = kept ?? (await fetch(url, { cache: 'no-cache' }));
    if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
    if (!kept && (await hashOf(response.clone())) !== hashes.get(url)) {
      throw new Error(`${url} is not of this version: the host has another by now, or sent a part of it`);
    }
    await cache.put(key, response);
  }
}

/** As the build takes it (scripts/app_plugin.ts). */
async function hashOf(response: Response): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()));
  return [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
  );
  await scope.clients.claim();
}

async function keptOr(request: Request, key: string): Promise<Response> {
  const kept = await (await caches.open(CACHE)).match(key);
  return kept ? partOf(kept, request.headers.get('range')) : fetch(request);
}

/** Of what is kept, the bytes that are asked for: who began to read a file by ranges from the server goes on with this worker. */
async function partOf(kept: Response, range: string | null): Promise<Response> {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === undefined) return kept;
  const bytes = await kept.arrayBuffer();
  const [from, size] = [Number(first), bytes.byteLength];
  if (from >= size) return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } });
  const end = Math.min(last ? Number(last) + 1 : size, size);
  const headers = new Headers(kept.headers);
  headers.set('content-range', `bytes ${from}-${end - 1}/${size}`);
  for (const ofAll of ['content-encoding', 'content-length', 'etag']) headers.delete(ofAll);
  return new Response(bytes.slice(from, end), { status: 206, headers });
}

async function pageOf(request: Request, key: string): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(key);
    if (kept) return kept;
    throw error;
  }
}
