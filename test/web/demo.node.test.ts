import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEADERS } from '../../src/cli/commands/serve.ts';
import { chromeForTests } from '../../src/gpu/swiftshader.node.ts';
import { decodeSteering } from '../../src/model/steering.ts';

const configFile = fileURLToPath(new URL('../../vite.config.ts', import.meta.url));
/** A folder for a picture of the finished run. */
const pictures = process.env.TRIMTAB_SCREENSHOTS;
/** A run on a software adapter, most of it the compiling of shaders. */
const RUN_MS = 400_000;

let outDir: string;
let server: PreviewServer;
let url: string;
let browser: Browser;

beforeAll(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'trimtab-web-'));
  const environments = { client: { build: { outDir } } };
  await build({ configFile, environments });
  // What `trimtab serve` lets the page do, and no more.
  server = await preview({
    configFile,
    environments,
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, headers: { ...HEADERS } },
  });
  url = server.resolvedUrls?.local[0] as string;
  browser = await chromium.launch(await chromeForTests());
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await rm(outDir, { recursive: true, force: true });
});

/** The page with its GPU found or missed, and all that it complains about from here on. */
async function open(from = browser): Promise<{ page: Page; complaints: string[] }> {
  const page = await from.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  await page.waitForSelector('#adapter:not([data-state=waiting])');
  return { page, complaints };
}

async function start(page: Page, settings: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, value] of Object.entries(settings)) await page.fill(`[name=${name}]`, String(value));
  await page.click('#start');
}

async function download(page: Page, name: string): Promise<Buffer> {
  const [file] = await Promise.all([page.waitForEvent('download'), page.click(`#files a[download="${name}"]`)]);
  return readFile(await file.path());
}

describe('the page', () => {
  it(
    'trains in a worker, draws every step, and gives out the vectors, the metrics and the report',
    async () => {
      const { page, complaints } = await open();
      expect(await page.getAttribute('#adapter', 'data-state')).toBe('ready');
      await start(page, { steps: 3, evalSize: 8, promptsPerStep: 2 });
      expect(await page.isDisabled('[name=steps]')).toBe(true);
      await page.waitForSelector('#start:enabled', { timeout: RUN_MS });
      expect(await page.textContent('#problem')).toBe('');
      expect(await page.textContent('#status')).toMatch(/^Done in /);

      for (const chart of ['#reward-curve', '#length-curve'])
        expect((await page.getAttribute(`${chart} path.main`, 'd'))?.match(/[ML]/g)).toHaveLength(3);
      expect(await page.locator('#stream article').count()).toBe(3);
      expect(await page.locator('#stream article:first-child li').count()).toBe(8);
      expect(await page.locator('#bars .fill').count()).toBe(4);
      expect(await page.locator('#lens-rows tr').count()).toBe(6);
      expect(await page.locator('#example-rows article').count()).toBe(6);

      const { vectors } = decodeSteering(await download(page, 'steering.safetensors'), 'the download');
      expect(vectors).toHaveLength(6 * 128);
      expect(vectors.every((x) => Number.isFinite(x) && x !== 0)).toBe(true);
      const rows = (await download(page, 'metrics.jsonl')).toString().trim().split('\n');
      expect(rows.map((row) => JSON.parse(row).step)).toEqual([0, 1, 2]);
      expect((await download(page, 'report.html')).toString()).toMatch(/^<!doctype html>/i);

      if (pictures) await page.screenshot({ path: resolve(pictures, 'page.png'), fullPage: true });
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      if (pictures) await page.screenshot({ path: resolve(pictures, 'page-narrow.png'), fullPage: true });
      expect(complaints).toEqual([]);
      await page.close();
    },
    RUN_MS,
  );

  it(
    'stops when told to, keeps the vectors so far, and can start again',
    async () => {
      const { page, complaints } = await open();
      await start(page, { steps: 500, evalSize: 1, promptsPerStep: 1 });
      await page.waitForSelector('#stream article', { timeout: RUN_MS });
      await page.click('#stop');
      await page.waitForSelector('#start:enabled');
      expect(await page.textContent('#status')).toMatch(/^Stopped after \d+ of 500 steps\. The vectors so far/);
      expect((await download(page, 'steering.safetensors')).length).toBeGreaterThan(6 * 128 * 4);
      await start(page, { steps: 1, evalSize: 1, promptsPerStep: 1 });
      await page.waitForSelector('#start:enabled', { timeout: RUN_MS });
      expect(await page.textContent('#status')).toMatch(/^Done in /);
      expect(complaints).toEqual([]);
      await page.close();
    },
    RUN_MS,
  );

  it('says which browser or flag helps where there is no WebGPU', async () => {
    const launch = await chromeForTests();
    const args = launch.args.filter((arg) => !/webgpu|vulkan/i.test(arg));
    const without = await chromium.launch({ ...launch, args: [...args, '--disable-features=WebGPU,WebGPUService'] });
    try {
      const { page } = await open(without);
      expect(await page.textContent('#adapter')).toBe('No GPU to work with');
      expect(await page.isVisible('#problem')).toBe(true);
      expect(await page.textContent('#problem')).toMatch(/--enable-unsafe-webgpu --enable-features=Vulkan/);
    } finally {
      await without.close();
    }
  });
});
