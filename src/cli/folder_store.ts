import { appendFile, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../gpu/errors.ts';
import type { RunStore } from '../train/rundir.ts';

/** A run folder on disk, made when it is not there. @throws UserError when it cannot be written to. */
export async function folderStore(path: string): Promise<RunStore> {
  const at = (name: string) => join(path, name);
  await explained(path, () => mkdir(path, { recursive: true }));
  const store: RunStore = {
    where: path,
    writeAtomic: (name, content) =>
      explained(path, async () => {
        const temporary = at(`${name}.tmp`);
        const file = await open(temporary, 'w');
        try {
          await file.writeFile(content);
          // The rename must not reach the disk before the content does.
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, at(name));
      }),
    append: (name, text) => explained(path, () => appendFile(at(name), text)),
    read: (name) => readFile(at(name)).catch((error) => (error.code === 'ENOENT' ? undefined : Promise.reject(error))),
    remove: (name) => rm(at(name), { force: true }),
    list: () => readdir(path),
  };
  await store.writeAtomic('.writable', '');
  await store.remove('.writable');
  return store;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Free some space',
  EDQUOT: 'the quota is used up. Free some space',
  EACCES: 'writing there is not permitted. Name another folder with --out',
  EPERM: 'writing there is not permitted. Name another folder with --out',
  EROFS: 'the file system is read-only. Name another folder with --out',
  ENOTDIR: 'a part of the path is a file. Name another folder with --out',
  EEXIST: 'there is a file of that name. Name another folder with --out',
};

async function explained<T>(path: string, work: () => Promise<T>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    if (!reason) throw error;
    throw new UserError(`The run folder ${path} cannot be written: ${reason}.`);
  }
}
