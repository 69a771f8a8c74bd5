import { createHash } from 'node:crypto';
import { cpSync, createReadStream, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, ViteDevServer } from 'vite';
import { PAGE_POLICY } from '../src/cli/page_policy.ts';

const root = join(import.meta.dirname, '..');
/** What the page fetches of the embedded model. */
const DEMO = join(root, 'models/demo');
/** How the service worker is named among the bundles: beside the page, because it serves what lies below itself. */
export const SERVICE_WORKER = 'service_worker';

/** A file that is kept for work without a connection; where its name does not change with its content, `hash` does. */
export interface Precached {
  readonly path: string;
  readonly hash: string;
}

/** Makes the built folder the whole app: the embedded model in it, its policy in the page, its list of files in the service worker. */
export function appPlugin(): Plugin {
  return {
    name: 'trimtab:app',
    applyToEnvironment: ({ name }) => name === 'client',
    configureServer: serveDemo,
    transformIndexHtml: {
      order: 'pre',
      handler: (_, { server }) =>
        // The development server's own scripts ask for more.
        server
          ? []
          : [
              {
                tag: 'meta',
                attrs: { 'http-equiv': 'Content-Security-Policy', content: PAGE_POLICY },
                injectTo: 'head-prepend',
              },
            ],
    },
    writeBundle({ dir }) {
      if (dir === undefined) throw new Error('the app is built into a folder');
      cpSync(DEMO, join(dir, 'models/demo'), { recursive: true, filter: (path) => !/\brecipe$|\.md$/.test(path) });
      const files = precached(dir);
      const version = hashOf(files.map(({ path, hash }) => `${path} ${hash}`).join('\n'));
      const script = join(dir, `${SERVICE_WORKER}.js`);
      const head = `self.PRECACHE=${JSON.stringify({ version, files })};\n`;
      writeFileSync(script, head + readFileSync(script, 'utf8'));
    },
  };
}

/** All files of the built app but the service worker; the page itself is what its folder's address answers. */
function precached(dir: string): Precached[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path !== `${SERVICE_WORKER}.js` && statSync(join(dir, path)).isFile())
    .sort()
    .map((path) => ({ path: path === 'index.html' ? './' : path, hash: hashOf(readFileSync(join(dir, path))) }));
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** The development server offers the embedded model at /models/, where the built app has it. */
function serveDemo({ middlewares }: Pick<ViteDevServer, 'middlewares'>): void {
  middlewares.use('/models/demo/', (request, response, next) => {
    const path = join(DEMO, decodeURIComponent((request.url ?? '').split('?')[0] ?? ''));
    if (!path.startsWith(DEMO) || !existsSync(path) || !statSync(path).isFile()) return next();
    response.setHeader('content-type', path.endsWith('.json') ? 'application/json' : 'application/octet-stream');
    response.setHeader('content-length', statSync(path).size);
    if (request.method === 'HEAD') response.end();
    else createReadStream(path).pipe(response);
  });
}
