import { basename, resolve } from 'node:path';
import type { Plugin } from 'vite';

/** `new URL('…/worker.ts', import.meta.url)`, as the page names the script of its worker. */
const ADDRESS = /new URL\('(\.[^']*worker\.ts)', import\.meta\.url\)/g;
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
      const changed = code.replace(ADDRESS, (_, path: string) => {
        const file = resolve(id, '..', path);
        return `new URL(${addressOf(this.emitFile({ type: 'chunk', id: file, name: basename(file, '.ts') }))})`;
      });
      return changed === code ? undefined : changed;
    },
    // The library's judge lies within its text, for whoever bundles it; the app's is a file beside the others.
    load(id) {
      if (!id.endsWith(INLINE)) return undefined;
      const file = id.slice(0, -INLINE.length);
      const address = addressOf(this.emitFile({ type: 'chunk', id: file, name: basename(file, '.ts') }));
      return `export default class extends Worker { constructor() { super(${address}, { type: 'module' }); } }`;
    },
  };
}

/** What the bundler replaces by the address of a file that it writes. */
function addressOf(emitted: string): string {
  return `import.meta.ROLLUP_FILE_URL_${emitted}`;
}
