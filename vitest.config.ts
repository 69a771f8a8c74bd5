import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromeForTests } from './src/gpu/swiftshader.node.ts';
import { CountReporter } from './test/setup/count_reporter.ts';
import { nodeEnvironment } from './test/setup/environment.ts';

const shared = resolve(import.meta.dirname, process.env.TRIMTAB_SHARED || '../shared');
const chrome = await chromeForTests();
const node = await nodeEnvironment();
/** Tests of the built app in a browser of their own. */
const APP = 'test/web/*.node.test.ts';

export default defineConfig({
  // The library's own configuration is for web/: tests have the repository as their root.
  root: import.meta.dirname,
  appType: 'mpa',
  optimizeDeps: {
    exclude: ['webgpu'],
    // Found late, a dependency makes the browser reload in the middle of a test.
    include: [
      '@huggingface/gguf',
      '@huggingface/hub',
      '@huggingface/jinja',
      '@huggingface/tokenizers',
      'comlink',
      'fastest-levenshtein',
      'hyparquet',
      'hyparquet-compressors',
      'papaparse',
      'valibot',
      'yaml',
    ],
  },
  server: { fs: { allow: [import.meta.dirname, shared] } },
  test: {
    reporters: ['default', new CountReporter()],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    provide: { shared: existsSync(shared) ? shared : '' },
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.chrome.test.ts', APP],
          pool: 'forks',
          maxWorkers: 2,
          env: node,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'app',
          include: [APP],
          pool: 'forks',
          // Alone: the page's software adapter takes every core, and beside other tests nothing could be said of its main thread.
          fileParallelism: false,
          env: node,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'chrome',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.node.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: chrome }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
