import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { staticServer } from '../../src/cli/static_server.ts';
import { chromeForTests } from '../../src/gpu/swiftshader.node.ts';

/** As `npm run build` made it, which `npm test` begins with. */
const app = fileURLToPath(new URL('../../dist/web', import.meta.url));
/** Scripts and styles, bytes compressed. The embedded model comes on top; other views and readers of files come when they are wanted. */
const MOST_AT_FIRST = 245_000;
/** Of all views and the engine, with the service worker: what is left are readers of files of other kinds, loaded with one. */
const MOST_IN_VIEWS = 300_000;
/** All of them, workers and what is loaded later included. */
const MOST_CODE = 350_000;
const MOST_MS = 2000;

let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch(await chromeForTests());
});

afterAll(async () => {
  await browser?.close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function end(server: Server): Promise<unknown> {
  return new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}

/** A host that knows nothing of the app: no header but the type, everything below a path. */
function plainHost(folder: string, path: string): Server {
  const types: Record<string, string> = { html: 'text/html', js: 'text/javascript', css: 'text/css' };
  return createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://host');
    const name = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    const bytes =
      name.startsWith(path) && (await readFile(join(folder, name.slice(path.length))).catch(() => undefined));
    if (!bytes) return void response.writeHead(404).end();
    response.setHeader('content-type', types[name.split('.').at(-1) as string] ?? 'application/octet-stream');
    response.end(bytes);
  });
}

async function open(url: string, context: BrowserContext): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}

/** Until the embedded model is on the GPU: the masthead names it. */
async function modelIsThere(page: Page): Promise<void> {
  await page.waitForSelector('#adapter[data-state=ready]');
  await page.waitForFunction(() => /· demo$/.test(document.querySelector('#adapter')?.textContent?.trim() ?? ''));
}

/** Until a service worker has everything and answers for the page. */
function isKept(page: Page): Promise<void> {
  return page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise((resolve) => setTimeout(resolve, 50));
  });
}

/** How a request ends: with what comes, or refused by the page's policy. */
function asked(page: Page, url: string): Promise<string> {
  return page.evaluate(async (address) => {
    let refused: string | undefined;
    const note = (event: SecurityPolicyViolationEvent) => {
      refused = event.effectiveDirective;
    };
    document.addEventListener('securitypolicyviolation', note);
    const text = await fetch(address).then(
      (response) => response.text(),
      () => undefined,
    );
    await new Promise((resolve) => setTimeout(resolve));
    document.removeEventListener('securitypolicyviolation', note);
    return refused ?? text ?? 'no answer';
  }, url);
}

/** Bytes of scripts and styles, each compressed by itself, and what each of them has. */
function compressed(names: readonly string[]): { readonly total: number; readonly list: string } {
  const sizes = names.map((name) => [name, gzipSync(readFileSync(join(app, name)), { level: 9 }).length] as const);
  return {
    total: sizes.reduce((sum, [, size]) => sum + size, 0),
    list: sizes.map(([name, size]) => `${name} ${(size / 1000).toFixed(1)} KB`).join(', '),
  };
}

/** The views behind the first, and what stands in each. */
const VIEWS = [
  ['steer', 'Prompt'],
  ['inside', 'Look inside'],
  ['kernels', 'How fast the kernels are here'],
  ['models', 'From the Hub'],
] as const;

const isCode = (name: string) => /\.(js|css)$/.test(name);

describe('the built app', () => {
  it('has less than 350 KB of code in all, compressed', () => {
    const names = readdirSync(app, { recursive: true, encoding: 'utf8' }).filter(isCode);
    expect(names).toContainEqual(expect.stringMatching(/judge_worker-/));
    const { total, list } = compressed(names);
    expect(total, list).toBeLessThan(MOST_CODE);
  });

  it('loads less than 245 KB of code for its first view and the engine, less than 300 KB for all views, compressed', async () => {
    const server = staticServer(app);
    const context = await browser.newContext({ serviceWorkers: 'block' });
    const page = await context.newPage();
    const loaded = new Set<string>();
    page.on('request', (request) => loaded.add(new URL(request.url()).pathname.slice(1)));
    await page.goto(await listen(server));
    await modelIsThere(page);
    // The memory plan of a run loads parts of the engine, too.
    await page.waitForSelector('#start:enabled');
    const atFirst = compressed([...loaded].filter(isCode));
    for (const [view, text] of VIEWS) {
      await page.click(`nav a[href="#/${view}"]`);
      await page.getByText(text).first().waitFor();
    }
    await page.click('nav a[href="#/inside"]');
    await page.getByRole('tab', { name: /path/i }).click();
    await page.waitForSelector('.space-picture canvas');
    await page.click('nav a[href="#/kernels"]');
    await page.waitForSelector('button:enabled:has-text("Measure")');
    await context.close();
    await end(server);
    const names = [...loaded].filter(isCode);
    for (const part of [
      'worker',
      'steer_view',
      'inside_view',
      'space_view',
      'kernels_view',
      'models_view',
      'families',
      'pca',
    ])
      expect(names).toContainEqual(expect.stringMatching(`^assets/${part}-`));
    expect(atFirst.total, atFirst.list).toBeLessThan(MOST_AT_FIRST);
    const inViews = compressed([...names, 'service_worker.js']);
    expect(inViews.total, inViews.list).toBeLessThan(MOST_IN_VIEWS);
    console.log('compressed bytes of code at first and in all views', atFirst.total, inViews.total);
  });

  it('can be seen and answers within two seconds from a cold cache, before there is a model', async () => {
    const server = staticServer(app);
    const url = await listen(server);
    const times: number[] = [];
    // The best of three: something else may have the processor.
    for (let i = 0; i < 3 && Math.min(...times, MOST_MS) >= MOST_MS; i++) {
      const context = await browser.newContext();
      // The model is on its way for as long as the test looks.
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      await context.route('**/model.safetensors', async (route) => {
        await held;
        await route.continue();
      });
      const { page } = await open(url, context);
      await page.waitForFunction(() => performance.getEntriesByName('interactive').length > 0);
      await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
      times.push(
        await page.evaluate(() =>
          Math.max(
            ...['interactive', 'first-contentful-paint'].map(
              (name) => performance.getEntriesByName(name)[0]?.startTime ?? Number.NaN,
            ),
          ),
        ),
      );
      // What is done before the model came counts.
      await page.fill('[name=max_steps]', '7');
      await page.check('[name=reward][value=random]');
      await page.click('nav a[href="#/models"]');
      await page.waitForSelector('nav a[href="#/models"][aria-current=page]');
      await page.click('nav a[href="#/train"]');
      expect(await page.isDisabled('#start')).toBe(true);
      release();
      await page.waitForSelector('#start:enabled');
      expect(await page.inputValue('[name=max_steps]')).toBe('7');
      expect(await page.isChecked('[name=reward][value=random]')).toBe(true);
      await context.close();
    }
    await end(server);
    expect(Math.min(...times)).toBeLessThan(MOST_MS);
  });

  it('works without a connection after the first visit', async () => {
    const server = staticServer(app);
    const context = await browser.newContext();
    const { page, complaints } = await open(await listen(server), context);
    await isKept(page);
    await modelIsThere(page);
    await end(server);
    await page.reload();
    await modelIsThere(page);
    // A model whose first bytes came from the server is read on by ranges from what is kept.
    const part = await page.evaluate(async () => {
      const answer = await fetch('models/demo/model.safetensors', { headers: { range: 'bytes=10-19' } });
      return [answer.status, answer.headers.get('content-range'), (await answer.arrayBuffer()).byteLength];
    });
    expect(part).toEqual([206, expect.stringMatching(/^bytes 10-19\/\d{7}$/), 10]);
    for (const view of ['kernels', 'models', 'inside', 'steer']) {
      await page.click(`nav a[href="#/${view}"]`);
      await page.waitForSelector('main .card');
    }
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('offers a new version, changes to it when asked, and drops what it kept of the old one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trimtab-app-'));
    await cp(app, folder, { recursive: true });
    const server = staticServer(folder);
    const context = await browser.newContext();
    const { page, complaints } = await open(await listen(server), context);
    await isKept(page);
    const before = await page.evaluate(() => caches.keys());
    expect(before).toHaveLength(1);
    expect(await page.locator('.notice').count()).toBe(0);

    const html = await readFile(join(folder, 'index.html'), 'utf8');
    const nextHtml = html.replace('<title>trimtab', '<title>trimtab, the next');
    await writeFile(join(folder, 'index.html'), nextHtml);
    const script = await readFile(join(folder, 'service_worker.js'), 'utf8');
    const hash = createHash('sha256').update(nextHtml).digest('hex').slice(0, 16);
    const next = script.replace(/("version":")\w+/, '$1next').replace(/("path":"\.\/","hash":")\w+/, `$1${hash}`);
    await writeFile(join(folder, 'service_worker.js'), next);
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    await page.click('.notice button');
    await page.waitForFunction(() => document.title === 'trimtab, the next');
    await page.waitForFunction(async () => (await caches.keys()).length === 1);
    expect(await page.evaluate(() => caches.keys())).not.toEqual(before);
    expect(await page.locator('.notice').count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
    await end(server);
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps nothing of a file that is not the one of its version', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trimtab-app-'));
    await cp(app, folder, { recursive: true });
    const settings = join(folder, 'models/demo/train.yaml');
    const right = await readFile(settings, 'utf8');
    await writeFile(settings, `${right}\n# of another version\n`);
    const server = staticServer(folder);
    const context = await browser.newContext();
    const { page } = await open(await listen(server), context);
    // The page has asked for it by itself; this waits for how it ended.
    const installed = () =>
      page.evaluate(async () => {
        const { installing, waiting, active } = await navigator.serviceWorker.register('service_worker.js');
        const worker = installing ?? waiting ?? active;
        while (worker && !['activated', 'redundant'].includes(worker.state))
          await new Promise((r) => setTimeout(r, 20));
        return worker?.state;
      });
    const kept = () =>
      page.evaluate(async () => (await caches.match('models/demo/train.yaml', { ignoreSearch: true }))?.text());
    expect(await installed()).toBe('redundant');
    expect(await kept()).toBeUndefined();
    await writeFile(settings, right);
    // The try that failed may not be over at once.
    await expect.poll(installed, { timeout: 20_000 }).toBe('activated');
    expect(await kept()).toBe(right);
    await context.close();
    await end(server);
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ['trimtab serve', () => staticServer(app), ''],
    ['a host without headers, below a path', () => plainHost(app, '/some/where/'), 'some/where/'],
  ] as const)('runs on %s, and asks no server but its own and the Hub', async (_, serve, path) => {
    const server = serve();
    const context = await browser.newContext();
    const answer = { body: 'from the Hub', headers: { 'access-control-allow-origin': '*' } };
    for (const host of ['huggingface.co', 'cas-bridge.xethub.hf.co', 'third.example'])
      await context.route(`https://${host}/**`, (route) => route.fulfill(answer));
    const url = (await listen(server)) + path;
    const { page, complaints } = await open(url, context);
    await modelIsThere(page);
    await isKept(page);
    expect(await asked(page, 'https://huggingface.co/api/models/some/model')).toBe('from the Hub');
    expect(await asked(page, 'https://cas-bridge.xethub.hf.co/some/file')).toBe('from the Hub');
    const kept = await page.evaluate(async () => {
      const names = await caches.keys();
      const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return requests.flat().map((request) => request.url);
    });
    expect(kept.length).toBeGreaterThan(8);
    expect(kept.filter((address) => !address.startsWith(url))).toEqual([]);
    expect(complaints).toEqual([]);
    expect(await asked(page, 'https://third.example/')).toBe('connect-src');
    await context.close();
    await end(server);
  });
});
