import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliCompress, gzip, constants as zlib } from 'node:zlib';
import { HEADERS } from './page_policy.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.jsonl': 'application/jsonl; charset=utf-8',
  '.yaml': 'application/yaml; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/** What the build named after its content: another content has another name. */
const HASHED = /^\/assets\/[^/]*-[\w-]{8}\.\w+$/;
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg']);

type Encoding = 'br' | 'gzip';

const COMPRESS: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  // The highest levels would take longer than they save on a line to one's own machine.
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [zlib.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: (bytes) => promisify(gzip)(bytes),
};

/** Files of one folder over HTTP, for browsers of this machine only: names, not addresses, tell who asks. */
export function staticServer(folder: string): Server {
  const compressed = new Map<string, Promise<Buffer>>();
  /** The file's bytes in an encoding, made once. */
  const inEncoding = (file: string, etag: string, encoding: Encoding): Promise<Buffer> => {
    const key = `${encoding} ${etag} ${file}`;
    let bytes = compressed.get(key);
    if (!bytes) {
      bytes = readFile(file).then(COMPRESS[encoding]);
      bytes.catch(() => compressed.delete(key));
      compressed.set(key, bytes);
    }
    return bytes;
  };
  return createServer((request, response) => {
    answer(request, response, folder, inEncoding).catch(() => response.destroy());
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  folder: string,
  inEncoding: (file: string, etag: string, encoding: Encoding) => Promise<Buffer>,
): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  response.setHeader('cache-control', 'no-cache');
  const refuse = (status: number, text: string) => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  };
  // A page elsewhere whose name was pointed at 127.0.0.1 carries its own name here.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? ''))
    return refuse(403, 'Only for this machine.');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return refuse(405, 'GET and HEAD only.');
  }

  const path = pathOf(request.url ?? '/');
  const file = path === undefined ? undefined : fileFor(path, folder);
  const info = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (path === undefined || file === undefined || !info?.isFile()) return refuse(404, 'There is no such file.');

  const extension = extname(file);
  const etag = `"${info.size.toString(36)}-${Math.floor(info.mtimeMs).toString(36)}"`;
  response.setHeader('content-type', TYPES[extension] ?? 'application/octet-stream');
  response.setHeader('etag', etag);
  if (HASHED.test(path)) response.setHeader('cache-control', 'public, max-age=31536000, immutable');
  if (COMPRESSED.has(extension)) response.setHeader('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end();
    return;
  }

  const accepted = request.headers['accept-encoding'] ?? '';
  const encoding = (['br', 'gzip'] as const).find((name) => new RegExp(`\\b${name}\\b`).test(accepted));
  if (encoding && COMPRESSED.has(extension) && request.headers.range === undefined) {
    const bytes = await inEncoding(file, etag, encoding);
    response.writeHead(200, { 'content-encoding': encoding, 'content-length': bytes.length });
    response.end(request.method === 'HEAD' ? undefined : bytes);
    return;
  }
  response.setHeader('accept-ranges', 'bytes');
  const range = rangeOf(request.headers.range, info.size);
  if (range === 'beyond') {
    response.setHeader('content-range', `bytes */${info.size}`);
    return refuse(416, 'That range is not in the file.');
  }
  const [start, end] = range ?? [0, info.size - 1];
  if (range) {
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${start}-${end}/${info.size}`);
  }
  response.setHeader('content-length', end - start + 1);
  if (request.method === 'HEAD' || info.size === 0) response.end();
  else await pipeline(createReadStream(file, { start, end }), response);
}

/** The first and the last byte that are asked for; undefined for all of them, and for what is no single range. */
function rangeOf(header: string | undefined, size: number): readonly [number, number] | 'beyond' | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start > end ? 'beyond' : [start, end];
}

function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url, 'http://127.0.0.1').pathname);
    return path.includes('\0') ? undefined : path;
  } catch {
    return undefined;
  }
}

/** Undefined for what is not below the folder. */
function fileFor(path: string, folder: string): string | undefined {
  const file = normalize(join(folder, path.endsWith('/') ? `${path}index.html` : path));
  return file.startsWith(folder + sep) ? file : undefined;
}
