import { version as packageVersion } from '../../package.json';
import { browserCache } from './cache.browser.ts';
import { UserError } from './errors.ts';
import { browserHubStore } from './hub_store.browser.ts';
import type { HubSettings } from './hub_store.ts';
import type { GPUOptions, ModelFolder, Platform, RandomAccess } from './platform.ts';

/** The first request asks for so much, and with it has a small file whole. */
const FIRST_BYTES = 2 ** 20;
/** Files up to this size are fetched whole: one request more is quicker than many small ones. */
const WHOLE_FILE_BYTES = 16 * 2 ** 20;

async function createGPU(options: GPUOptions = {}): Promise<GPU> {
  if (options.toggles?.length) {
    throw new UserError(`A page cannot set Dawn's toggles (${options.toggles.join(', ')}): only Node can`);
  }
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (gpu) return gpu;
  if (!globalThis.isSecureContext) {
    throw new UserError(
      `WebGPU is only there on pages from https:// or from this machine; this one came from ${location.origin}. ` +
        'Open it as http://localhost or http://127.0.0.1.',
    );
  }
  throw new UserError(
    'This browser has no WebGPU. Chrome and Edge have it from version 113 on (on Linux start them with ' +
      '--enable-unsafe-webgpu --enable-features=Vulkan), Safari from 26, Firefox from 141 on Windows and 145 on macOS.',
  );
}

function resolve(pathOrUrl: string): URL {
  return new URL(pathOrUrl, `${location.origin}/`);
}

function nameOf(url: URL): string {
  return decodeURIComponent(url.pathname.split('/').filter(Boolean).at(-1) ?? url.host);
}

async function openFolder(pathOrUrl: string): Promise<ModelFolder> {
  const url = resolve(pathOrUrl.endsWith('/') ? pathOrUrl : `${pathOrUrl}/`);
  return { name: nameOf(url), open: (file) => openUrl(new URL(file, url)) };
}

async function openFile(pathOrUrl: string): Promise<RandomAccess> {
  const url = resolve(pathOrUrl);
  const file = await openUrl(url);
  if (!file) throw new UserError(`There is no ${url.href}`);
  return file;
}

async function openUrl(url: URL): Promise<RandomAccess | undefined> {
  const response = await request(url, `bytes=0-${FIRST_BYTES - 1}`);
  if (!response) return undefined;
  // An empty file has no range that could be asked for.
  const first = response.status === 416 ? new Uint8Array(0) : await bytesOf(response);
  const size = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? first.length);
  // A server that does not know ranges has sent all of it.
  if (response.status !== 206 || size <= first.length) return inMemory(nameOf(url), first);
  if (size > WHOLE_FILE_BYTES) return readerByRanges(url, size, first);
  const whole = new Uint8Array(size);
  whole.set(first);
  whole.set(await fetchRange(url, first.length, size), first.length);
  return inMemory(nameOf(url), whole);
}

function inMemory(name: string, whole: Uint8Array): RandomAccess {
  return {
    name,
    size: whole.length,
    read: async (offset, length) => whole.slice(offset, offset + length),
    close: async () => {},
  };
}

function readerByRanges(url: URL, size: number, first: Uint8Array): RandomAccess {
  return {
    name: nameOf(url),
    size,
    async read(offset, length) {
      const end = Math.min(offset + length, size);
      if (end <= first.length) return first.slice(offset, Math.max(offset, end));
      return end <= offset ? new Uint8Array(0) : fetchRange(url, offset, end);
    },
    close: async () => {},
  };
}

/** The bytes from `start` up to `end`. */
async function fetchRange(url: URL, start: number, end: number): Promise<Uint8Array> {
  const response = await request(url, `bytes=${start}-${end - 1}`);
  const bytes = response?.status === 206 ? await bytesOf(response) : undefined;
  if (bytes?.length !== end - start) {
    throw new UserError(`${url.href} changed or vanished while it was read: load the page again`);
  }
  return bytes;
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

/** Undefined for a missing file. A page in its place (a server's fallback for unknown paths) counts as missing. */
async function request(url: URL, range: string): Promise<Response | undefined> {
  const response = await fetch(url, { headers: { range } }).catch((error: unknown) => {
    throw new UserError(`${url.href} cannot be fetched: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (response.status === 404) return undefined;
  if (!response.ok && response.status !== 416)
    throw new UserError(`${url.href} cannot be fetched: HTTP status ${response.status}`);
  const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
  return isPage && !/\.html?$/.test(url.pathname) ? undefined : response;
}

async function openLocalModel(pathOrUrl: string): Promise<ModelFolder | RandomAccess | undefined> {
  if (!/^([a-z]+:)?\/\/|^[/.]/i.test(pathOrUrl)) return undefined;
  return /\.gguf$/i.test(resolve(pathOrUrl).pathname) ? openFile(pathOrUrl) : openFolder(pathOrUrl);
}

function hubSettings(): HubSettings {
  return { store: browserHubStore(), endpoint: 'https://huggingface.co', offline: false };
}

async function readFile(pathOrUrl: string): Promise<Uint8Array> {
  const file = await openFile(pathOrUrl);
  return file.read(0, file.size);
}

const platform: Platform = {
  createGPU,
  openFolder,
  openFile,
  readFile,
  openLocalModel,
  hubSettings,
  cache: () => browserCache(),
  patiently: (work) => work,
  now: () => performance.now(),
  isNode: false,
  version: packageVersion,
};
const { cache, patiently, now, isNode, version } = platform;

export {
  cache,
  createGPU,
  hubSettings,
  isNode,
  now,
  openFile,
  openFolder,
  openLocalModel,
  patiently,
  readFile,
  version,
};
