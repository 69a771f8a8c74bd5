import { formatBytes } from '../../src/gpu/bytes.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { unlessMissing } from '../../src/gpu/opfs.browser.ts';
import type { RunStore } from '../../src/train/rundir.ts';

/** What TypeScript knows only of workers: the quick way to write, which no other may use at the same time. */
interface SyncAccess {
  getSize(): number;
  write(data: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type WorkerFile = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccess> };

/**
 * A run folder in the page's private file system; for a dedicated worker.
 * Methods reject with a UserError where the browser gives no more space: what was there before stays whole.
 */
export function opfsStore(folder: FileSystemDirectoryHandle, where: string): RunStore {
  const encode = (content: Uint8Array | string) =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    where,
    async writeAtomic(name, content) {
      const bytes = encode(content);
      const file = await folder.getFileHandle(name, { create: true });
      // What is written goes to a copy that takes the file's place when it is closed.
      await withinQuota(where, name, bytes.length, async () => {
        const stream = await file.createWritable();
        try {
          await stream.write(bytes as Uint8Array<ArrayBuffer>);
          await stream.close();
        } catch (error) {
          await stream.abort().catch(() => {});
          throw error;
        }
      });
    },
    async append(name, text) {
      const bytes = encode(text);
      const file = (await folder.getFileHandle(name, { create: true })) as WorkerFile;
      await withinQuota(where, name, bytes.length, async () => {
        const access = await file.createSyncAccessHandle();
        const size = access.getSize();
        try {
          if (access.write(bytes, { at: size }) < bytes.length) throw new DOMException('', 'QuotaExceededError');
          access.flush();
        } catch (error) {
          access.truncate(size);
          throw error;
        } finally {
          access.close();
        }
      });
    },
    async read(name) {
      const file = await fileIn(folder, name);
      return file && new Uint8Array(await file.arrayBuffer());
    },
    async remove(name) {
      await unlessMissing(folder.removeEntry(name));
    },
    async list() {
      return (await filesOf(folder)).map(({ name }) => name);
    },
  };
}

/** The files of a folder by name, without those in its folders. */
export async function filesOf(folder: FileSystemDirectoryHandle): Promise<File[]> {
  const files: File[] = [];
  for await (const handle of folder.values()) {
    // One that is being replaced has another beside it for a moment.
    if (handle.kind === 'file' && !handle.name.endsWith('.crswap')) {
      const file = await unlessMissing((handle as FileSystemFileHandle).getFile());
      if (file) files.push(file);
    }
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function fileIn(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  const handle = await unlessMissing(folder.getFileHandle(name));
  return handle && unlessMissing(handle.getFile());
}

async function withinQuota(where: string, name: string, bytes: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if ((error as DOMException).name !== 'QuotaExceededError') throw error;
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    throw new UserError(
      `${where}/${name} needs ${formatBytes(bytes)} more, and the browser gives this page ${formatBytes(quota)} in all, of which ` +
        `${formatBytes(usage)} are used. What was saved before is whole. Delete runs or models that you no longer need, then go on.`,
    );
  }
}
