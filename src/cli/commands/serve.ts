import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UserError } from '../../gpu/errors.ts';
import { defineCommand } from '../command.ts';
import { integer } from '../options.ts';
import { packageRoot } from '../package_root.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.jsonl': 'application/jsonl; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; worker-src 'self' blob:; connect-src 'self'; style-src 'self' 'unsafe-inline'; " +
    "img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

export const command = defineCommand<{ port: number }>({
  examples: [
    ['trimtab serve', 'the app on http://127.0.0.1:8137, for browsers on this machine only'],
    ['trimtab serve --port 0 --json', 'on any free port; prints {"url": ...}'],
  ],
  configure(command) {
    command.option('--port <number>', 'TCP port, 0 for any free one', integer({ min: 0, max: 65535 }), 8137);
  },
  async run(context, options) {
    const root = packageRoot();
    const app = join(root, 'dist/web');
    if (!existsSync(join(app, 'index.html')))
      throw new UserError(`${app} has no app in it: run \`npm run build\` first`);
    const server = createServer((request, response) => {
      answer(request, response, app, join(root, 'models')).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${error.message})`;
        reject(
          new UserError(`Port ${options.port} ${reason}: give another one with --port, or --port 0 for any free one`),
        );
      });
      server.listen(options.port, '127.0.0.1');
    });
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : options.port}/`;
    context.print(`trimtab is at ${url} (Ctrl-C ends it)`);
    context.printJson({ url });
    const { signal } = context;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    server.closeAllConnections();
    server.close();
  },
});

async function answer(request: IncomingMessage, response: ServerResponse, app: string, models: string): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const refuse = (status: number, text: string) => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  };
  // A page elsewhere whose name was pointed at 127.0.0.1 carries its own name here.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? ''))
    return refuse(403, 'Only for this machine.');
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'GET and HEAD only.');

  const path = fileFor(request.url ?? '/', app, models);
  const info = path ? await stat(path).catch(() => undefined) : undefined;
  if (!path || !info?.isFile()) return refuse(404, 'There is no such file.');

  response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
  response.setHeader('accept-ranges', 'bytes');
  let [start, end] = [0, info.size - 1];
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (range) {
    start = Number(range[1]);
    end = range[2] ? Math.min(Number(range[2]), info.size - 1) : info.size - 1;
    if (start > end) {
      response.setHeader('content-range', `bytes */${info.size}`);
      return refuse(416, 'That range is not in the file.');
    }
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${start}-${end}/${info.size}`);
  }
  response.setHeader('content-length', end - start + 1);
  if (request.method === 'HEAD' || info.size === 0) response.end();
  else await pipeline(createReadStream(path, { start, end }), response);
}

/** The file that a request asks for: below `models/` the embedded models, all else from the app. */
function fileFor(url: string, app: string, models: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(new URL(url, 'http://127.0.0.1').pathname);
  } catch {
    return undefined;
  }
  if (path.includes('\0')) return undefined;
  const [folder, rest] = path.startsWith('/models/') ? [models, path.slice('/models/'.length)] : [app, path];
  const file = normalize(join(folder, rest.endsWith('/') ? `${rest}index.html` : rest));
  return file.startsWith(folder + sep) ? file : undefined;
}
