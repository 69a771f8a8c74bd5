import { inject } from 'vitest';
import { isNode } from '#platform';
import { type ModelFolder, memoryFile } from '../../src/model/files.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of shared data, empty when there is none. */
    shared: string;
  }
}

/** Whether the folder of shared models and data sets (TRIMTAB_SHARED, by default ../shared) is there. */
export const hasShared: boolean = inject('shared') !== '';

/** A file of the repository, such as `models/demo`, as `openFile` and `openFolder` take it in Node and in Chrome alike. */
export function repositoryPath(path: string): string {
  return isNode ? path : `/${path}`;
}

/** A file of the shared folder, such as `data/mawps/singleop.jsonl`. Ask `hasShared` first. */
export function sharedPath(path: string): string {
  return `${isNode ? '' : '/@fs'}${inject('shared')}/${path}`;
}

/** A folder made of files in memory, by name. */
export function memoryFolder(name: string, files: ReadonlyMap<string, Uint8Array>): ModelFolder {
  return {
    name,
    open: async (file) => {
      const bytes = files.get(file);
      return bytes && memoryFile(`${name}/${file}`, bytes);
    },
  };
}
