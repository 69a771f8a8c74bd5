import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trimtab } from './run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

let server: ChildProcess;
let url: string;

beforeAll(async () => {
  server = spawn(process.execPath, [`${root}bin/trimtab.js`, 'serve', '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  url = JSON.parse(line.toString()).url;
});

afterAll(() => server.kill('SIGKILL'));

/** `fetch` tidies paths up and does not let one choose the Host header. */
function raw(path: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { path, headers }, (response) => resolve(response.resume().statusCode));
    sent.on('error', reject);
    sent.end();
  });
}

describe('trimtab serve', () => {
  it('serves the page isolated, with a policy that lets nothing else in', async () => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('<title>trimtab</title>');
    expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; worker-src 'self';/,
    );
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  it('serves the embedded model by ranges', async () => {
    const whole = readFileSync(`${root}models/demo/config.json`);
    const response = await fetch(`${url}models/demo/config.json`, { headers: { range: 'bytes=3-9' } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes 3-9/${whole.length}`);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(whole.subarray(3, 10));
    const last = await fetch(`${url}models/demo/config.json`, { headers: { range: 'bytes=-4' } });
    expect(Buffer.from(await last.arrayBuffer())).toEqual(whole.subarray(-4));
    const beyond = await fetch(`${url}models/demo/config.json`, { headers: { range: `bytes=${whole.length}-` } });
    expect(beyond.status).toBe(416);
  });

  it('lets hashed files be kept for good, and all others be asked for again', async () => {
    const page = await fetch(url);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const script = /\.\/(assets\/index-[\w-]+\.js)/.exec(await page.text())?.[1] as string;
    expect((await fetch(url + script)).headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect((await fetch(`${url}service_worker.js`)).headers.get('cache-control')).toBe('no-cache');
    const etag = page.headers.get('etag') as string;
    const again = await fetch(url, { headers: { 'if-none-match': etag, 'cache-control': 'no-cache' } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('compresses scripts and styles as the browser asks for it', async () => {
    const plain = await fetch(`${url}service_worker.js`, { headers: { 'accept-encoding': 'identity' } });
    const text = await plain.text();
    for (const encoding of ['br', 'gzip']) {
      const response = await fetch(`${url}service_worker.js`, { headers: { 'accept-encoding': encoding } });
      expect(response.headers.get('content-encoding')).toBe(encoding);
      expect(Number(response.headers.get('content-length'))).toBeLessThan(text.length);
      expect(await response.text()).toBe(text);
    }
    const head = await fetch(`${url}service_worker.js`, { method: 'HEAD', headers: { 'accept-encoding': 'br' } });
    expect([head.status, head.headers.get('content-encoding'), await head.text()]).toEqual([200, 'br', '']);
    const post = await fetch(url, { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it.skipIf(process.platform !== 'linux')('opens the browser when asked to, and says where it cannot', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trimtab-open-'));
    const opened = join(folder, 'opened');
    writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\necho "$1" > "${opened}"\nexit 3\n`, { mode: 0o755 });
    const child = spawn(process.execPath, [`${root}bin/trimtab.js`, 'serve', '--port', '0', '--open'], {
      env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [note] = (await once(child.stderr, 'data')) as [Buffer];
    const address = readFileSync(opened, 'utf8').trim();
    child.kill('SIGINT');
    await once(child, 'exit');
    rmSync(folder, { recursive: true });
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(note.toString()).toContain(`open ${address} yourself`);
  });

  it('serves no file outside of the app', async () => {
    for (const path of [
      '/../package.json',
      '/models/../package.json',
      '/models/%2e%2e/package.json',
      '/..%2fpackage.json',
      '/%00',
    ]) {
      expect(await raw(path), path).toBe(404);
    }
  });

  it('answers to this machine’s names only', async () => {
    expect(await raw('/', { host: 'evil.example' })).toBe(403);
    expect(await raw('/', { host: 'localhost:1' })).toBe(200);
  });

  it('says which port is taken', () => {
    const { code, stderr } = trimtab(['serve', '--port', new URL(url).port]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Port \d+ is in use/);
  });

  it('ends with 0 on Ctrl-C', async () => {
    server.kill('SIGINT');
    expect(await once(server, 'exit')).toEqual([0, null]);
  });
});
