import { formatBytes } from './bytes.ts';
import { UserError } from './errors.ts';
import type { HubEntry, HubStore } from './hub_store.ts';
import { privateFolder, privateFolderIfThere, unlessMissing } from './opfs.browser.ts';
import type { RandomAccess } from './platform.ts';

/** A file is kept in pieces of this size: one is written at once, so that what has come stays when the page is closed. */
const PIECE_BYTES = 32 * 2 ** 20;
/** Lies beside the pieces of a file that is whole, and holds its size. */
const WHOLE = 'size';

/** A repository of which the store has something, parts of files that are not whole included. */
export interface StoredRepository {
  /** The name of its folder, `models--Qwen--Qwen2.5-0.5B`. */
  readonly repo: string;
  readonly bytes: number;
  /** False while something of it has come in part. */
  readonly whole: boolean;
  /** Commits by branch or tag, as last seen. */
  readonly revisions: ReadonlyMap<string, string>;
}

/** A store whose owner can look into it and make room: other than a folder, OPFS has no other way to do so. */
export interface BrowserHubStore extends HubStore {
  repositories(): Promise<StoredRepository[]>;
  /** Deletes all of a repository. @throws UserError while something of it is written */
  remove(repo: string): Promise<void>;
}

/**
 * The same in a browser, in the private file system of the page's origin (OPFS): `FOLDER/REPO/blobs/ETAG/0, 1, …` are pieces
 * of a content, `snapshots/COMMIT/PATH` holds an ETag, `refs/REVISION` a commit. Slashes in names become `%2F`.
 */
export function browserHubStore(folder = 'hub', pieceBytes = PIECE_BYTES): BrowserHubStore {
  const at = (...path: string[]) => [folder, ...path];
  const open = async (repo: string, commit: string, path: string): Promise<RandomAccess | undefined> => {
    const etag = await readSmall(at(repo, 'snapshots', commit), path);
    if (etag === undefined) return undefined;
    const blobs = at(repo, 'blobs', escaped(etag));
    const size = Number(await readSmall(blobs, WHOLE));
    const pieces: Blob[] = [];
    for (let i = 0; i * pieceBytes < size; i++) {
      const piece = await fileIn(blobs, String(i));
      if (!piece) return undefined;
      pieces.push(piece);
    }
    // A Blob of files reads nothing until it is asked to.
    const blob = new Blob(pieces);
    if (blob.size !== size) return undefined;
    return {
      name: path.split('/').at(-1) as string,
      size,
      read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
      close: async () => {},
    };
  };
  return {
    where: "this browser's storage for the page (OPFS)",
    commitOf: (repo, revision) => readSmall(at(repo, 'refs'), revision),
    remember: (repo, revision, commit) => writing(() => write(at(repo, 'refs'), revision, commit)),
    async list(repo, commit) {
      const directory = await privateFolderIfThere(...at(repo, 'snapshots', commit));
      const paths: string[] = [];
      if (directory) for await (const name of directory.keys()) paths.push(decodeURIComponent(name));
      const whole = await Promise.all(paths.map((path) => open(repo, commit, path)));
      return paths.filter((_, i) => whole[i] !== undefined).sort();
    },
    open,
    async repositories() {
      const top = await privateFolderIfThere(...at());
      const found: StoredRepository[] = [];
      if (!top) return found;
      for await (const repo of top.keys()) {
        const refs = await privateFolderIfThere(...at(repo, 'refs'));
        const revisions = new Map<string, string>();
        if (refs) {
          for await (const name of refs.keys()) {
            const commit = await readSmall(at(repo, 'refs'), decodeURIComponent(name));
            if (commit !== undefined) revisions.set(decodeURIComponent(name), commit);
          }
        }
        found.push({ repo, revisions, ...(await sizeOf(at(repo, 'blobs'))) });
      }
      return found.sort((a, b) => (a.repo < b.repo ? -1 : 1));
    },
    async remove(repo) {
      const top = await privateFolderIfThere(...at());
      try {
        await top?.removeEntry(repo, { recursive: true });
      } catch (error) {
        const { name } = error as DOMException;
        if (name === 'NotFoundError') return;
        if (name !== 'NoModificationAllowedError') throw error;
        throw new UserError(`${repo} is being written, in this tab or another: stop that first, then delete it.`);
      }
    },
    async add(repo, commit, entry, read) {
      const blobs = at(repo, 'blobs', escaped(entry.etag));
      if ((await readSmall(blobs, WHOLE)) === undefined) await fetchInto(blobs, entry, read, pieceBytes);
      await writing(() => write(at(repo, 'snapshots', commit), entry.path, entry.etag));
    },
  };
}

async function fetchInto(
  blobs: readonly string[],
  entry: HubEntry,
  read: (offset: number) => Promise<ReadableStream<Uint8Array>>,
  pieceBytes: number,
): Promise<void> {
  let piece = 0;
  while ((await fileIn(blobs, String(piece)))?.size === pieceBytes) piece++;
  let parts: Uint8Array[] = [];
  let held = 0;
  let size = piece * pieceBytes;
  const flush = async (final: boolean) => {
    while (held >= pieceBytes || (final && held > 0)) {
      const blob = new Blob(parts as BlobPart[]);
      const now = blob.slice(0, pieceBytes);
      await writing(() => write(blobs, String(piece), now));
      piece += 1;
      held -= now.size;
      parts = held > 0 ? [new Uint8Array(await blob.slice(now.size).arrayBuffer())] : [];
    }
  };
  if (size < entry.size) {
    const reader = (await read(size)).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value);
      held += next.value.length;
      size += next.value.length;
      if (held >= pieceBytes) await flush(false);
    }
  }
  if (size < entry.size) throw new Error(`the connection ended after ${size} of ${entry.size} bytes`);
  if (size > entry.size) {
    throw new UserError(`${entry.path} is longer than the ${entry.size} bytes that the Hub announced. Try again.`);
  }
  await flush(true);
  await writing(() => write(blobs, WHOLE, String(entry.size)));
}

/** Names in OPFS hold no slash. */
const escaped = (name: string): string => encodeURIComponent(name);

async function fileIn(path: readonly string[], name: string): Promise<File | undefined> {
  const directory = await privateFolderIfThere(...path);
  const handle = directory && (await unlessMissing(directory.getFileHandle(escaped(name))));
  return handle?.getFile();
}

async function readSmall(path: readonly string[], name: string): Promise<string | undefined> {
  return (await (await fileIn(path, name))?.text()) || undefined;
}

async function write(path: readonly string[], name: string, content: FileSystemWriteChunkType): Promise<void> {
  const directory = await privateFolder(...path);
  const stream = await (await directory.getFileHandle(escaped(name), { create: true })).createWritable();
  await stream.write(content);
  await stream.close();
}

/** Bytes of all contents, and whether each has come whole. */
async function sizeOf(blobs: readonly string[]): Promise<{ bytes: number; whole: boolean }> {
  const directory = await privateFolderIfThere(...blobs);
  let [bytes, whole] = [0, true];
  if (!directory) return { bytes, whole };
  for await (const etag of directory.keys()) {
    const content = await directory.getDirectoryHandle(etag);
    let complete = false;
    for await (const piece of content.values()) {
      if (piece.name === WHOLE) complete = true;
      else if (piece.kind === 'file') bytes += (await piece.getFile()).size;
    }
    whole &&= complete;
  }
  return { bytes, whole };
}

async function writing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if ((error as DOMException).name !== 'QuotaExceededError') throw error;
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    throw new UserError(
      `The browser gives this page no more space (${formatBytes(usage)} of ${formatBytes(quota)} are used): free some of the disk, or take a smaller model.`,
    );
  }
}
