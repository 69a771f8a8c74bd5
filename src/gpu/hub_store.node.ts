import { createHash, type Hash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { UserError } from './errors.ts';
import type { HubEntry, HubSettings, HubStore } from './hub_store.ts';
import type { RandomAccess } from './platform.ts';

const ENDPOINT = 'https://huggingface.co';

/** The settings of Python's huggingface_hub, read from the same variables and files. */
export function hubSettingsOf(
  env: Readonly<Record<string, string | undefined>>,
  openFile: (path: string) => Promise<RandomAccess>,
): HubSettings {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  const folder = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, 'hub');
  const token = env.HF_TOKEN || readToken(env.HF_TOKEN_PATH || join(home, 'token'));
  return {
    store: folderHubStore(folder, openFile),
    endpoint: (env.HF_ENDPOINT || ENDPOINT).replace(/\/+$/, ''),
    ...(token && { token }),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE || ''),
  };
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * The cache folder as Python's huggingface_hub lays it out: contents lie in `blobs/ETAG`, `snapshots/COMMIT/PATH` are links to
 * them, `refs/REVISION` holds a commit. Files fetched by either are found by the other.
 */
export function folderHubStore(folder: string, openFile: (path: string) => Promise<RandomAccess>): HubStore {
  /** @throws UserError for what would lead out of the cache */
  const within = (...parts: string[]) => {
    const path = join(folder, ...parts);
    if (parts.some((part) => part.split(/[\\/]/).includes('..')))
      throw new UserError(`${path} lies outside of ${folder}.`);
    return path;
  };
  const snapshot = (repo: string, commit: string, path = '') => within(repo, 'snapshots', commit, path);
  return {
    where: folder,
    async commitOf(repo, revision) {
      const text = await unlessMissing(readFile(within(repo, 'refs', revision), 'utf8'));
      return text?.trim() || undefined;
    },
    async remember(repo, revision, commit) {
      const path = within(repo, 'refs', revision);
      await writable(folder, async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, commit);
      });
    },
    async list(repo, commit) {
      const root = snapshot(repo, commit);
      const names = (await unlessMissing(readdir(root, { recursive: true }))) ?? [];
      const whole = await Promise.all(
        names.map(async (name) => ((await unlessMissing(stat(join(root, name))))?.isFile() ? name : undefined)),
      );
      return whole.flatMap((name) => (name === undefined ? [] : [name.split(sep).join('/')])).sort();
    },
    async open(repo, commit, path) {
      const file = snapshot(repo, commit, path);
      return (await unlessMissing(stat(file)))?.isFile() ? openFile(file) : undefined;
    },
    async add(repo, commit, entry, read) {
      const blob = within(repo, 'blobs', entry.etag);
      const link = snapshot(repo, commit, entry.path);
      await writable(folder, async () => {
        await mkdir(dirname(blob), { recursive: true });
        await mkdir(dirname(link), { recursive: true });
      });
      if (!(await unlessMissing(stat(blob)))) await locked(`${blob}.lock`, entry, () => fetchInto(blob, entry, read));
      await writable(folder, async () => {
        await rm(link, { force: true });
        // Windows lets only some users make links.
        await symlink(relative(dirname(link), blob), link).catch(() => copyFile(blob, link));
      });
    },
  };
}

/** Appends to `blob.incomplete` what it lacks, checks it, and gives it its name. */
async function fetchInto(
  blob: string,
  entry: HubEntry,
  read: (offset: number) => Promise<ReadableStream<Uint8Array>>,
): Promise<void> {
  const partial = `${blob}.incomplete`;
  let size = (await unlessMissing(stat(partial)))?.size ?? 0;
  if (size > entry.size) {
    await rm(partial);
    size = 0;
  }
  const hash = hashOf(entry);
  if (size > 0) for await (const part of createReadStream(partial)) hash?.update(part);
  if (size < entry.size) {
    const stream = await read(size);
    const file = await open(partial, 'a');
    try {
      for await (const part of stream as AsyncIterable<Uint8Array>) {
        await file.writeFile(part);
        hash?.update(part);
        size += part.length;
      }
      await file.sync();
    } catch (error) {
      throw full(error, dirname(blob)) ?? error;
    } finally {
      await file.close();
    }
  } else if (entry.size === 0) await writeFile(partial, '');
  if (size < entry.size) throw new Error(`the connection ended after ${size} of ${entry.size} bytes`);
  if (size > entry.size || (hash && hash.digest('hex') !== entry.etag)) {
    await rm(partial);
    throw new UserError(
      `${entry.path} is not what the Hub announced (${entry.size} bytes, ${entry.etag}): what was downloaded is deleted. Try again.`,
    );
  }
  await rename(partial, blob);
}

/** SHA-256, or the hash under which git keeps a file; undefined where the ETag is of another kind. */
function hashOf({ etag, size }: HubEntry): Hash | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return createHash('sha256');
  return /^[0-9a-f]{40}$/.test(etag) ? createHash('sha1').update(`blob ${size}\0`) : undefined;
}

/** Two processes that append to one file would spoil it. */
async function locked(lock: string, entry: HubEntry, work: () => Promise<void>): Promise<void> {
  const own = `${process.pid} ${hostname()}`;
  try {
    await writeFile(lock, own, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const [pid, host] = (await readFile(lock, 'utf8')).split(' ');
    if (host !== hostname() || isAlive(Number(pid))) {
      throw new UserError(
        `${entry.path} is being downloaded by process ${pid} on ${host}: wait until it is done. If there is none, delete ${lock}.`,
      );
    }
    await writeFile(lock, own);
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function writable<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw full(error, folder) ?? error;
  }
}

/** What the file system said, as a message to the user. */
function full(error: unknown, folder: string): UserError | undefined {
  const { code } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the quota is used up',
    EROFS: 'it is read-only',
    EACCES: 'it may not be written',
    EPERM: 'it may not be written',
    ENOTDIR: 'a part of that path is a file',
    EEXIST: 'a part of that path is a file',
  };
  const reason = code && reasons[code];
  return reason
    ? new UserError(`Files of the Hub are kept in ${folder}, and ${reason}. HF_HUB_CACHE names another folder.`)
    : undefined;
}
