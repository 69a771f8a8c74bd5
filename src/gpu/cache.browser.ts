import { privateFolder } from './opfs.browser.ts';
import type { Cache } from './platform.ts';

/** Small files that can be made again, in the private file system of the page's origin (OPFS). */
export function browserCache(folder = 'cache'): Cache {
  const directory = () => privateFolder(folder);
  return {
    where: `${folder} (OPFS)`,
    async read(name) {
      try {
        return await (await (await (await directory()).getFileHandle(name)).getFile()).text();
      } catch {
        return undefined;
      }
    },
    async write(name, text) {
      const stream = await (await (await directory()).getFileHandle(name, { create: true })).createWritable();
      await stream.write(text);
      await stream.close();
    },
  };
}
