import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Remote } from 'comlink';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { chromeForTests } from '../../src/gpu/swiftshader.node.ts';
import type { Engine } from '../../web/worker/engine.ts';

/**
 * The built app in a real Chrome, for tests of the page:
 *
 *     const app = useApp();
 *     it('…', async () => {
 *       await using tab = await app.open('steer');
 *       await tab.modelReady();
 *       …
 *       tab.expectQuiet();
 *     });
 *
 * The app is the one in dist/web, served by `trimtab serve`: `npm test` builds it first, and after a change
 * `npm run build` does. Its policy forbids eval, so Playwright's `waitForFunction` waits in vain: wait for a selector, or poll.
 */
export function useApp(): App {
  const app = new App();
  beforeAll(() => app.start());
  afterAll(() => app.stop());
  return app;
}

/** Pictures of the views for docs/app.md are made by the tests where TRIMTAB_SCREENSHOTS is 1. */
const TAKES_PICTURES = process.env.TRIMTAB_SCREENSHOTS === '1';
/** For a page on a software adapter beside other tests. */
const PATIENCE_MS = 90_000;

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

declare global {
  /** The engine in the page's newest worker, as the page itself calls it; there in tests alone. */
  var engineForTests: () => Remote<Engine>;
  /** Tasks of the page's main thread that took more than 50 ms of the clock. */
  var longTasksForTests: { readonly start: number; readonly ms: number }[];
}

interface OpenOptions {
  /** CSS pixels; 1280 × 900 where nothing is said. */
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly reducedMotion?: 'reduce' | 'no-preference';
}

class App {
  /** With a final slash. */
  url = '';
  #server: ChildProcess | undefined;
  #browser: Browser | undefined;

  async start(): Promise<void> {
    refuseStaleBuild();
    const server = spawn(process.execPath, [join(root, 'bin/trimtab.js'), 'serve', '--port', '0', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#server = server;
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    this.url = JSON.parse(line.toString()).url;
    this.#browser = await chromium.launch(await chromeForTests());
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    this.#server?.kill('SIGKILL');
  }

  get browser(): Browser {
    if (!this.#browser) throw new Error('the app is there from beforeAll on');
    return this.#browser;
  }

  /** A tab at `#/route` with storage of its own, watched from before its first script. */
  async open(route = '', options: OpenOptions = {}, from: Browser = this.browser): Promise<Tab> {
    const { width = 1280, height = 900, ...media } = options;
    const context = await from.newContext({ viewport: { width, height }, acceptDownloads: true, ...media });
    await context.addInitScript({ path: require.resolve('comlink/dist/umd/comlink.js') });
    await context.addInitScript(watchFromInside);
    const tab = new Tab(await context.newPage(), this.url);
    await tab.page.goto(`${this.url}#/${route}`);
    return tab;
  }
}

/** Runs in the page before its own scripts. */
function watchFromInside(): void {
  globalThis.longTasksForTests = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      globalThis.longTasksForTests.push({ start: startTime, ms: duration });
    }
  }).observe({ type: 'longtask', buffered: true });
  const { Comlink } = globalThis as unknown as { Comlink: typeof import('comlink') };
  // Kept for as long as the page: Comlink ends a worker's service when a wrapping of it is collected as garbage.
  const engines: Remote<Engine>[] = [];
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      engines.push(Comlink.wrap<Engine>(this));
    }
  };
  globalThis.engineForTests = () => {
    const newest = engines.at(-1);
    if (!newest) throw new Error('the page has started no worker yet');
    return newest;
  };
}

/** One page of the app, and all that it complains about. */
export class Tab {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions and rejections that nobody caught: the page's and its workers'. */
  readonly complaints: string[] = [];
  readonly #url: string;

  constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => {
      // What Chrome itself warns of, such as an option of WebGPU that it ignores on this system, has no script.
      const isOurs = message.type() === 'error' || message.location().url.startsWith(url);
      if (['error', 'warning'].includes(message.type()) && isOurs) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.stack ?? error.message));
  }

  /** @throws when the page complained about anything so far */
  expectQuiet(): void {
    expect(this.complaints, 'what the page complained about').toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }

  /** Another view of the same page, without loading it again. */
  async go(route: string): Promise<void> {
    await this.page.evaluate((hash) => {
      location.hash = hash;
    }, `#/${route}`);
    await this.page.locator(`nav a[href="#/${route.split('?')[0]}"][aria-current=page]`).waitFor();
    await this.page.locator('main .waiting').waitFor({ state: 'detached' });
  }

  /** Waits until a GPU was found or missed. */
  async gpuSettled(): Promise<void> {
    await this.page.waitForSelector('#adapter:not([data-state=waiting])');
  }

  /** Waits until a model is on the GPU. @throws with what the page says where there is none */
  async modelReady(): Promise<void> {
    await this.gpuSettled();
    const adapter = this.page.locator('#adapter');
    const state = await adapter.getAttribute('data-state');
    if (state !== 'ready') throw new Error(`the GPU is ${state}: ${await this.page.locator('.notices').textContent()}`);
    await expect.poll(() => adapter.textContent(), { timeout: PATIENCE_MS }).not.toMatch(/no model|loading|opening/i);
  }

  /** Tasks of the main thread above 50 ms so far, in order. */
  longTasks(): Promise<typeof globalThis.longTasksForTests> {
    return this.page.evaluate(() => globalThis.longTasksForTests);
  }

  /** The file that a click on `link` gives out. */
  async download(link: Locator): Promise<{ readonly name: string; readonly bytes: Buffer }> {
    const [file] = await Promise.all([this.page.waitForEvent('download'), link.click()]);
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  }

  /** The rows of a table, such as the one with a chart's data, by the heads of their columns; closed details are read too. */
  async rows(table: Locator): Promise<Record<string, string>[]> {
    return table.evaluate((element) => {
      const text = (cell: Element) => cell.textContent?.trim() ?? '';
      const heads = [...element.querySelectorAll('thead th')].map(text);
      const rows = [...element.querySelectorAll('tbody tr')].map((row) => [...row.querySelectorAll('th, td')]);
      return rows.map((cells) => Object.fromEntries(cells.map((cell, i) => [heads[i] ?? String(i), text(cell)])));
    });
  }

  /** The page is as wide as its window and no wider, once what is drawn to its width has been. */
  async expectNoSidewaysScroll(): Promise<void> {
    const beyond = () =>
      this.page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth <= clientWidth) return [];
        const wide = [...document.querySelectorAll('body *')].filter(
          (element) => element.getBoundingClientRect().right > clientWidth + 1,
        );
        return wide
          .slice(0, 8)
          .map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''}`);
      });
    await expect.poll(beyond, { timeout: 3000, message: 'what is beyond the right edge' }).toEqual([]);
  }

  /** What a screenshot of an element or of the page shows: whether a canvas is blank is seen in its pixels alone. */
  async pixels(of: Locator | Page = this.page): Promise<Pixels> {
    const png = (await of.screenshot({ animations: 'disabled' })).toString('base64');
    // A page of its own decodes it: the work is not to count as the app's.
    const decoder = await this.page.context().newPage();
    try {
      const size = await decoder.evaluate(async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        const counts = new Map<number, number>();
        for (const word of new Uint32Array(data.buffer)) counts.set(word, (counts.get(word) ?? 0) + 1);
        return { width: image.width, height: image.height, counts: [...counts] };
      }, png);
      return new Pixels(size.width, size.height, new Map(size.counts));
    } finally {
      await decoder.close();
    }
  }

  /** No finding of axe's that it calls serious or critical. */
  async expectAccessible(): Promise<void> {
    await this.page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const findings = await this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
      const { violations } = await axe.run();
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, help, nodes }) => ({ id, help, where: nodes.slice(0, 5).map((node) => String(node.target)) }));
    });
    expect(findings, `axe at ${this.page.url().replace(this.#url, '')}`).toEqual([]);
  }

  /** docs/app/NAME.png, the window as it is or all of the page, where pictures are asked for; nothing otherwise. */
  async picture(name: string, { fullPage = false } = {}): Promise<void> {
    if (!TAKES_PICTURES) return;
    const path = join(root, 'docs/app', `${name}.png`);
    await mkdir(dirname(path), { recursive: true });
    await this.page.screenshot({ path, fullPage, animations: 'disabled' });
  }
}

/** Colours of a picture, each a word 0xAABBGGRR, and how many pixels have it. */
export class Pixels {
  readonly width: number;
  readonly height: number;
  readonly counts: ReadonlyMap<number, number>;

  constructor(width: number, height: number, counts: ReadonlyMap<number, number>) {
    this.width = width;
    this.height = height;
    this.counts = counts;
  }

  /** How many colours there are: one where nothing was drawn. */
  get colours(): number {
    return this.counts.size;
  }

  /** The part of the pixels, 0 to 1, whose red, green and blue are each within `tolerance` of those of `#rrggbb`. */
  share(colour: string, tolerance = 8): number {
    const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    let pixels = 0;
    for (const [word, count] of this.counts) {
      if (wanted.every((value, i) => Math.abs(((word >>> (8 * i)) & 255) - value) <= tolerance)) pixels += count;
    }
    return pixels / (this.width * this.height);
  }
}

/** A test of an app that is not the one of these sources would say nothing about them. */
function refuseStaleBuild(): void {
  const page = join(root, 'dist/web/index.html');
  if (!existsSync(page)) throw new Error('dist/web has no app: run `npm run build` first (`npm test` does)');
  const built = statSync(page).mtimeMs;
  for (const folder of ['web', 'src', 'shaders']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile() && statSync(file).mtimeMs > built) {
        throw new Error(`${file} is newer than the app in dist/web: run \`npm run build\` first (\`npm test\` does)`);
      }
    }
  }
}
