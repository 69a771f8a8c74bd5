import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UserError } from './errors.ts';
import type { Cache } from './platform.ts';

/** Small files that can be made again: TRIMTAB_CACHE, or a folder of the user's cache. */
export function folderCache(env: Readonly<Record<string, string | undefined>> = process.env): Cache {
  const folder = env.TRIMTAB_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trimtab');
  return {
    where: folder,
    read: (name) => readFile(join(folder, name), 'utf8').catch(() => undefined),
    async write(name, text) {
      const path = join(folder, name);
      const temporary = `${path}.${process.pid}`;
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(temporary, text);
        await rename(temporary, path);
      } catch (error) {
        throw new UserError(
          `${path} cannot be written: ${(error as Error).message}. TRIMTAB_CACHE names another folder.`,
        );
      }
    },
  };
}
