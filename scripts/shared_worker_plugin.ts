import { basename, dirname, resolve } from 'node:path';
import type { Plugin } from 'vite';

/** `new URL('…/worker.ts', import.meta.url)`, as a page or a worker names the script of a worker. */
const ADDRESS = /new URL\(\s*'(\.[^']*worker\.ts)',\s*import\.meta\.url\s*\)/g;
const INLINE = '?worker&inline';

/**
 * Makes the app's workers entries of the page's own build, so that what several of them need lies in one file. Vite by itself
 * builds each worker apart, with a second copy of everything.
 */
export function sharedWorkerPlugin(): Plugin {
  return {
    name: 'trimtab:shared-worker',
    apply: 'build',
    enforce: 'pre',
    applyToEnvironment: ({ name }) => name === 'client',
    transform(code, id) {
      if (!ADDRESS.test(code)) return undefined;
      return code.replace(ADDRESS, (_, path: string) => {
        const file = resolve(dirname(id), path);
        return `new URL(import.meta.ROLLUP_FILE_URL_${this.emitFile({ type: 'chunk', id: file, name: nameOf(file) })})`;
      });
    },
    // The library's worker lies within its text, for whoever bundles it; the app's beside it.
    load(id) {
      if (!id.endsWith(INLINE)) return undefined;
      const file = id.slice(0, -INLINE.length);
      const address = `import.meta.ROLLUP_FILE_URL_${this.emitFile({ type: 'chunk', id: file, name: nameOf(file) })}`;
      return `export default class extends Worker { constructor() { super(${address}, { type: 'module' }); } }`;
    },
  };
}

function nameOf(file: string): string {
  return basename(file, '.ts');
}
