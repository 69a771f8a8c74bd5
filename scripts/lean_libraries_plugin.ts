import { join } from 'node:path';
import type { Plugin } from 'vite';

const root = join(import.meta.dirname, '..');

/** Parts of libraries that the app takes from elsewhere, by the importing package and what it imports. */
const REPLACED: readonly { readonly importer: RegExp; readonly source: string; readonly by: string }[] = [
  { importer: /\/hyparquet-compressors\//, source: './brotli.js', by: 'web/worker/parquet_pages.ts' },
  { importer: /\/hyparquet-compressors\//, source: 'hysnappy', by: 'web/worker/parquet_pages.ts' },
];

/** For the app alone, whose bytes are fetched: leaves out of libraries what weighs most and serves least. Node has them whole. */
export function leanLibrariesPlugin(): Plugin {
  return {
    name: 'trimtab:lean-libraries',
    apply: 'build',
    enforce: 'pre',
    applyToEnvironment: ({ name }) => name === 'client',
    resolveId(source, importer = '') {
      const found = REPLACED.find((part) => part.source === source && part.importer.test(importer));
      return found && join(root, found.by);
    },
  };
}
