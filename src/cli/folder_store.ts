import { existsSync } from 'node:fs';
import { appendFile, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../gpu/errors.ts';
import type { RunStore } from '../train/rundir.ts';
import { makeFolder } from './output_files.ts';

/**
 * A run folder on disk, made when it is not there unless it `mustExist`.
 * @throws UserError when it cannot be written to, or is not there
 */
export async function folderStore(path: string, { mustExist = false } = {}): Promise<RunStore> {
  const at = (name: string) => join(path, name);
  if (mustExist && !existsSync(path)) throw new UserError(`There is no run folder ${path}.`);
  await explained(path, () => makeFolder(resolve(path)));
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
      }).catch(async (error) => {
        await rm(at(`${name}.tmp`), { force: true });
        throw error;
      }),
    append: (name, text) => explained(path, () => appendFile(at(name), text)),
    async read(name) {
      if (!existsSync(at(name))) return undefined;
      try {
        return await readFile(at(name));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EISDIR' && code !== 'EACCES') throw error;
        const why =
          code === 'EISDIR' ? 'it is a folder, and a file of the run was expected' : 'reading it is not permitted';
        throw new UserError(`${at(name)} cannot be read: ${why}. Take it away, or name another folder with --out.`);
      }
    },
    remove: (name) => explained(path, () => rm(at(name), { force: true })),
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
  ENOENT: 'no folder can be made there. Name another one with --out',
  EEXIST: 'there is a file of that name. Name another folder with --out',
  EISDIR: 'a folder has the name of one of its files. Take it away, or name another one with --out',
  ENAMETOOLONG: 'a part of the path is too long a name. Name another folder with --out',
  ERR_INVALID_ARG_VALUE: 'no name holds a NUL character. Name another folder with --out',
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
