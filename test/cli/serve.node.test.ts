import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
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
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
  });

  it('serves the embedded model by ranges', async () => {
    const whole = readFileSync(`${root}models/demo/config.json`);
    const response = await fetch(`${url}models/demo/config.json`, { headers: { range: 'bytes=3-9' } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes 3-9/${whole.length}`);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(whole.subarray(3, 10));
    const beyond = await fetch(`${url}models/demo/config.json`, { headers: { range: `bytes=${whole.length}-` } });
    expect(beyond.status).toBe(416);
  });

  it('serves no file outside of the app and the models', async () => {
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
