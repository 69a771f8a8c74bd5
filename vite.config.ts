import { createReadStream, existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig, type Plugin, type ViteDevServer } from 'vite';
import manifest from './package.json' with { type: 'json' };

const here = import.meta.dirname;

export default defineConfig(({ command }) => ({
  root: resolve(here, 'web'),
  appType: 'mpa',
  clearScreen: false,
  // The build runs inside `npm ci` and `npm test`, where its list of files only hides the rest.
  logLevel: command === 'build' ? 'warn' : 'info',
  plugins: [demoModel()],
  optimizeDeps: { exclude: ['webgpu'] },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    fs: { allow: [here] },
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
  environments: {
    client: {
      build: { outDir: resolve(here, 'dist/web'), emptyOutDir: true, target: 'es2023' },
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

/** The development server and the preview offer the embedded model at /models/, as `trimtab serve` does. */
function demoModel(): Plugin {
  const serve = ({ middlewares }: Pick<ViteDevServer, 'middlewares'>) => {
    middlewares.use('/models/', (request, response, next) => {
      const path = join(here, 'models', decodeURIComponent((request.url ?? '').split('?')[0] ?? ''));
      if (path.includes('..') || !existsSync(path) || !statSync(path).isFile()) return next();
      response.setHeader('content-type', path.endsWith('.json') ? 'application/json' : 'application/octet-stream');
      response.setHeader('content-length', statSync(path).size);
      if (request.method === 'HEAD') response.end();
      else createReadStream(path).pipe(response);
    });
  };
  return { name: 'trimtab:demo-model', configureServer: serve, configurePreviewServer: serve };
}
