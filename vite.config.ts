import { resolve } from 'node:path';
import { defineConfig } from 'vite';
import manifest from './package.json' with { type: 'json' };
import { appPlugin, SERVICE_WORKER } from './scripts/app_plugin.ts';
import { leanLibrariesPlugin } from './scripts/lean_libraries_plugin.ts';
import { sharedWorkerPlugin } from './scripts/shared_worker_plugin.ts';
import { wgslPlugin } from './scripts/wgsl_plugin.ts';

const here = import.meta.dirname;

/**
 * Of the Hub's tables of all tasks the GGUF reader takes two enumerations, and of its hashes of uploads nothing is taken; these
 * packages do not say that the rest may go.
 */
const TREESHAKE = {
  moduleSideEffects: [{ test: /@huggingface\/(tasks|blake3-jit|xetchunk-wasm)/, sideEffects: false }],
};

export default defineConfig(({ command }) => ({
  root: resolve(here, 'web'),
  // Addresses relative to the page: the app works below any path of any host.
  base: './',
  appType: 'mpa',
  clearScreen: false,
  // The build runs inside `npm ci` and `npm test`, where its list of files only hides the rest.
  logLevel: command === 'build' ? 'warn' : 'info',
  plugins: [
    appPlugin(),
    sharedWorkerPlugin(),
    leanLibrariesPlugin(),
    { ...wgslPlugin(), applyToEnvironment: ({ name }) => name === 'client' },
  ],
  optimizeDeps: { exclude: ['webgpu'] },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    fs: { allow: [here] },
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
  environments: {
    client: {
      build: {
        outDir: resolve(here, 'dist/web'),
        emptyOutDir: true,
        target: 'es2023',
        modulePreload: false,
        cssCodeSplit: false,
        rolldownOptions: {
          treeshake: TREESHAKE,
          input: { index: resolve(here, 'web/index.html'), [SERVICE_WORKER]: resolve(here, 'web/service_worker.ts') },
          output: {
            entryFileNames: ({ name }) => (name === SERVICE_WORKER ? '[name].js' : 'assets/[name]-[hash].js'),
          },
        },
      },
    },
    // The library for pages: whoever bundles it brings its dependencies.
    browser: {
      consumer: 'client',
      build: {
        lib: { entry: resolve(here, 'src/index.ts'), formats: ['es'], fileName: 'trimtab' },
        outDir: resolve(here, 'dist/browser'),
        emptyOutDir: true,
        copyPublicDir: false,
        target: 'es2023',
        minify: false,
        rolldownOptions: { external: Object.keys(manifest.dependencies).map((name) => new RegExp(`^${name}(/|$)`)) },
      },
    },
    ssr: {
      build: {
        ssr: true,
        outDir: resolve(here, 'dist'),
        emptyOutDir: true,
        copyPublicDir: false,
        target: 'node20',
        rolldownOptions: {
          input: {
            cli: resolve(here, 'src/cli/main.ts'),
            trimtab: resolve(here, 'src/index.node.ts'),
            adapter: resolve(here, 'src/cli/adapter_hook.ts'),
          },
          output: { chunkFileNames: 'chunks/[name]-[hash].js' },
        },
      },
    },
  },
  builder: {
    // The Node build empties dist/, of which the app's folder is a part.
    async buildApp(builder) {
      for (const name of ['ssr', 'client', 'browser'] as const) await builder.build(builder.environments[name]!);
    },
  },
}));
