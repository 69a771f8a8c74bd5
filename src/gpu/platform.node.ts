import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version as packageVersion } from '../../package.json';
import { folderCache } from './cache.node.ts';
import { UserError } from './errors.ts';
import { hubSettingsOf } from './hub_store.node.ts';
import type { HubSettings } from './hub_store.ts';
import type { GPUOptions, ModelFolder, Platform, RandomAccess } from './platform.ts';

// Dawn frees its instance with the object that stands for it, and devices made from it then crash: never let go.
const instances = new Map<string, Promise<GPU>>();

function createGPU(options: GPUOptions = {}): Promise<GPU> {
  const toggles = options.toggles ?? [];
  const key = toggles.join();
  let instance = instances.get(key);
  if (!instance) {
    instance = startDawn(toggles);
    instances.set(key, instance);
    instance.catch(() => instances.delete(key));
  }
  return instance;
}

async function startDawn(toggles: readonly string[]): Promise<GPU> {
  const { create, globals } = await import('webgpu').catch((error: unknown) => {
    throw new UserError(
      `The npm package "webgpu" (Dawn) does not load on ${process.platform} ${process.arch}: ${messageOf(error)}. ` +
        'It has binaries for Linux x64 and arm64, macOS and Windows x64; run `npm ci` again if node_modules is incomplete.',
    );
  });
  Object.assign(globalThis, globals);
  const flags = ['disable-dawn-features=timestamp_quantization'];
  if (toggles.length > 0) flags.push(`enable-dawn-features=${toggles.join()}`);
  return create(flags);
}

/** Between two polls of Dawn's event loop; a fifth of the shortest pass of the smallest model. */
const NAP_MS = 0.3;
const napping = new Int32Array(new SharedArrayBuffer(4));

async function patiently<T>(work: Promise<T>, software: boolean): Promise<T> {
  if (!software) return work;
  let waiting = true;
  const nap = () => {
    if (!waiting) return;
    Atomics.wait(napping, 0, 0, NAP_MS);
    setImmediate(nap);
  };
  setImmediate(nap);
  try {
    return await work;
  } finally {
    waiting = false;
  }
}

function toPath(pathOrUrl: string): string {
  if (pathOrUrl.startsWith('file:')) return fileURLToPath(pathOrUrl);
  if (/^https?:/i.test(pathOrUrl)) {
    throw new UserError(`${pathOrUrl} is a web address: download it first and give the path of the file or folder`);
  }
  return pathOrUrl;
}

async function openFolder(pathOrUrl: string): Promise<ModelFolder> {
  const path = toPath(pathOrUrl);
  const info = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (!info.isDirectory()) throw new UserError(`${path} is a file, and a folder was expected`);
  return {
    name: basename(path),
    open: (file) =>
      openPath(join(path, file)).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw unreadable(join(path, file), error);
      }),
  };
}

async function openFile(pathOrUrl: string): Promise<RandomAccess> {
  const path = toPath(pathOrUrl);
  try {
    return await openPath(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function openPath(path: string): Promise<RandomAccess> {
  const handle = await open(path, 'r');
  const info = await handle.stat();
  if (info.isDirectory()) {
    await handle.close();
    throw new UserError(`${path} is a folder, and a file was expected`);
  }
  return {
    name: basename(path),
    size: info.size,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, info.size - offset)));
      let done = 0;
      while (done < bytes.length) {
        // One call reads at most 2 GiB.
        const { bytesRead } = await handle.read(bytes, done, Math.min(bytes.length - done, 2 ** 30), offset + done);
        if (bytesRead === 0) return bytes.subarray(0, done);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

async function openLocalModel(path: string): Promise<ModelFolder | RandomAccess | undefined> {
  const info = await stat(toPath(path)).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  });
  return info && (info.isDirectory() ? openFolder(path) : openFile(path));
}

function hubSettings(): HubSettings {
  return hubSettingsOf(process.env, openFile);
}

async function readFile(pathOrUrl: string): Promise<Uint8Array> {
  const file = await openFile(pathOrUrl);
  try {
    return await file.read(0, file.size);
  } finally {
    await file.close();
  }
}

function unreadable(path: string, error: unknown): Error {
  if (error instanceof UserError) return error;
  switch (codeOf(error)) {
    case 'ENOENT':
      return new UserError(`There is no ${path}`);
    case 'ENOTDIR':
      return new UserError(`There is no ${path}: a part of that path is a file`);
    case 'EACCES':
    case 'EPERM':
      return new UserError(`${path} may not be read: check its permissions`);
    default:
      return new UserError(`${path} cannot be read: ${messageOf(error)}`);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const platform: Platform = {
  createGPU,
  openFolder,
  openFile,
  readFile,
  openLocalModel,
  hubSettings,
  cache: () => folderCache(),
  patiently,
  now: () => performance.now(),
  isNode: true,
  version: packageVersion,
};
const { cache, now, isNode, version } = platform;

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
