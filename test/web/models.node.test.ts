import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page, type Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromeForTests } from '../../src/gpu/swiftshader.node.ts';
import { FakeHub } from '../model/fake_hub.ts';
import { tinyModel } from '../model/tiny_model.ts';
import { type Tab, useApp } from './harness.ts';

const app = useApp();
const COMMIT = 'c0ffee'.padEnd(40, '0');
const GGUF = fileURLToPath(new URL('../golden/gguf/tiny-F32.gguf', import.meta.url));
const WEIGHTS = /model\.safetensors$/;

let folder: string;
beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'trimtab-')), 'tiny');
  await mkdir(folder);
  for (const [name, bytes] of tinyModel()) await writeFile(join(folder, name), bytes);
});
afterAll(() => rm(folder, { recursive: true }));

/** Drops a file on the page, as from a file manager. */
async function drop(page: Page, name: string, content: Uint8Array): Promise<void> {
  await page.evaluate(
    ({ name, base64 }) => {
      const dataTransfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], name));
      for (const type of ['dragover', 'drop']) {
        const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
        document.querySelector('main')?.dispatchEvent(event);
      }
    },
    { name, base64: Buffer.from(content).toString('base64') },
  );
}

/** Plays the Hub to a tab; `meanwhile` may answer a request in its own way. */
async function playHub(tab: Tab, hub: FakeHub, meanwhile?: (route: Route) => Promise<boolean>): Promise<void> {
  await tab.page.route('https://huggingface.co/**', async (route) => {
    if (await meanwhile?.(route)) return;
    const request = route.request();
    const { status, headers, body } = await hub.answer(new URL(request.url()), new Headers(request.headers()));
    await route.fulfill({
      status,
      headers: { ...headers, 'access-control-allow-origin': '*' },
      body: Buffer.from(body),
    });
  });
}

const tinyHub = () => new FakeHub({ name: 'owner/tiny', commit: COMMIT, files: Object.fromEntries(tinyModel()) });

const shown = (tab: Tab) => tab.page.locator('#adapter');
const notice = (tab: Tab) => tab.page.locator('.notices');
const card = (tab: Tab, title: string) => tab.page.getByRole('region', { name: title, exact: true });

async function fetchFromHub(tab: Tab, name: string): Promise<void> {
  await tab.page.getByLabel('Name on the Hub').fill(name);
  await tab.page.getByRole('button', { name: 'Fetch and load' }).click();
}

async function untilText(locator: ReturnType<typeof shown>, text: string | RegExp): Promise<void> {
  await expect.poll(() => locator.textContent(), { timeout: 30_000 }).toMatch(text);
}

describe('models of this computer', () => {
  it('a dropped GGUF file streams tokens in Steer', async () => {
    await using tab = await app.open('steer');
    await tab.modelReady();
    await drop(tab.page, 'tiny-F32.gguf', await readFile(GGUF));
    await untilText(shown(tab), /tiny-F32\.gguf$/);
    await tab.page.getByLabel('Message').fill('Hello');
    await tab.page.locator('#steer-run').click();
    await tab.page
      .getByRole('listbox', { name: /^Base text/ })
      .getByRole('option')
      .first()
      .waitFor();
    tab.expectQuiet();
  });

  it('a folder loads, unloads, and says what it is', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    await tab.page.locator('input[webkitdirectory]').setInputFiles(folder);
    const loaded = card(tab, 'tiny');
    await untilText(loaded, /Layers2.*Hidden size8 .*Vocabulary6 tokens/);
    await loaded.getByRole('button', { name: 'Unload' }).click();
    await untilText(card(tab, 'On the GPU'), /No model, 0 B allocated/);
    await tab.page.getByRole('button', { name: 'Load the demonstration model' }).click();
    await card(tab, 'demo').waitFor();
    tab.expectQuiet();
  });

  it('files that are no model say so, keep the model that is there, and never become markup', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    await drop(tab.page, 'notes.txt', new Uint8Array(3));
    await untilText(notice(tab), /notes\.txt is no model: drop a \.gguf file.*demo is loaded as before/);
    await drop(tab.page, '<img src=x onerror="window.pwned=1">.gguf', new TextEncoder().encode('PK, a zip'));
    await untilText(
      notice(tab),
      /<img src=x onerror=.*is not a GGUF file: it begins with 50 4b.*demo is loaded as before/,
    );
    expect(await tab.page.evaluate(() => [document.images.length, 'pwned' in globalThis])).toEqual([0, false]);
    await notice(tab).getByRole('button', { name: 'Dismiss' }).click();
    expect(await notice(tab).textContent()).toBe('');
    await untilText(shown(tab), /demo$/);
    tab.expectQuiet();
  });
});

describe('models of the Hub', () => {
  it('pause, resume, load, are listed and can be deleted', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    let waiting: (() => void) | undefined;
    await playHub(tab, tinyHub(), async (route) => {
      if (!WEIGHTS.test(route.request().url()) || waiting) return false;
      // The first time the weights do not come before the reader has lost patience.
      await new Promise<void>((resolve) => {
        waiting = resolve;
      });
      await route.abort();
      return true;
    });
    await fetchFromHub(tab, 'owner/tiny');
    const hub = card(tab, 'From the Hugging Face Hub');
    await expect.poll(() => waiting !== undefined, { timeout: 30_000 }).toBe(true);
    await hub.getByRole('button', { name: 'Pause' }).click();
    await untilText(hub, /Paused: owner\/tiny/);
    waiting?.();
    // A page that was closed meanwhile offers to go on.
    await tab.page.reload();
    await tab.modelReady();
    const kept = card(tab, 'Kept in this browser');
    await untilText(kept, /owner\/tiny\d+ B so far/);
    await hub.getByRole('button', { name: 'Resume' }).click();
    await card(tab, 'owner/tiny').waitFor();
    await kept.getByRole('button', { name: 'Load owner/tiny' }).waitFor();
    await tab.page.unroute('https://huggingface.co/**');
    await tab.page.route('https://huggingface.co/**', (route) => route.abort());
    await kept.getByRole('button', { name: 'Load owner/tiny' }).click();
    await card(tab, 'owner/tiny').waitFor();
    await kept.getByRole('button', { name: 'Delete owner/tiny' }).click();
    await untilText(kept, /Nothing yet/);
  });

  it('whose connection breaks keep what came and go on from there', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    const hub = tinyHub();
    let broken = true;
    await playHub(tab, hub, async (route) => {
      if (!broken || !WEIGHTS.test(route.request().url())) return false;
      await route.abort('connectionreset');
      return true;
    });
    await fetchFromHub(tab, 'owner/tiny');
    const place = card(tab, 'From the Hugging Face Hub');
    await untilText(place, /cannot be reached|broke 5 times/);
    await untilText(place, /Broken off: owner\/tiny/);
    broken = false;
    const before = hub.requests.length;
    await place.getByRole('button', { name: 'Resume' }).click();
    await card(tab, 'owner/tiny').waitFor();
    const files = hub.requests.slice(before).filter((path) => path.includes('/resolve/'));
    expect(files).toEqual([expect.stringMatching(WEIGHTS)]);
  });

  it('for which there is no storage are refused with the bytes before they come', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    const files = { 'config.json': '{}', 'tokenizer.json': '{}', 'model.safetensors': new Uint8Array(3 * 2 ** 20) };
    await playHub(tab, new FakeHub({ name: 'owner/big', commit: COMMIT, files }));
    const devtools = await tab.page.context().newCDPSession(tab.page);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(app.url).origin, quotaSize: 2 * 2 ** 20 });
    await fetchFromHub(tab, 'owner/big');
    await untilText(
      card(tab, 'From the Hugging Face Hub'),
      /owner\/big needs [\d.]+ MiB of storage, and of the 2 MiB that the browser gives this page .* are used\. Delete/,
    );
    await untilText(shown(tab), /demo$/);
  });

  it('that are none are told from those that are', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    await playHub(tab, tinyHub());
    const hub = card(tab, 'From the Hugging Face Hub');
    await fetchFromHub(tab, 'tiny');
    await untilText(hub, /tiny is no name on the Hub\. Write owner\/name/);
    await fetchFromHub(tab, 'owner/none');
    await untilText(hub, /There is no model https:\/\/huggingface\.co\/owner\/none, or not for you/);
  });
});

describe('memory', () => {
  it('is free of a model that was unloaded, and the other views say how to have one again', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    await tab.page.getByRole('button', { name: 'Unload' }).click();
    for (const view of ['Train', 'Steer', 'Look inside']) {
      await tab.page.click(`nav >> text=${view}`);
      await untilText(notice(tab), /No model is loaded/);
    }
    await notice(tab).getByRole('button', { name: 'Load the demonstration model' }).click();
    await tab.modelReady();
    expect(await notice(tab).textContent()).toBe('');
    tab.expectQuiet();
  });

  it('a budget refuses what does not fit, with the bytes, and keeps what is there', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    const gpu = card(tab, 'The GPU');
    await gpu.getByLabel('Memory budget').fill('1 MiB');
    await gpu.getByRole('button', { name: 'Set' }).click();
    await card(tab, 'Demonstration').getByRole('button').click();
    await untilText(
      notice(tab),
      /weights of demo take 2\.4 MiB on the GPU, and the memory budget is 1 MiB.*loaded as before/,
    );
    await gpu.getByLabel('Memory budget').fill('40 MiB');
    await gpu.getByRole('button', { name: 'Set' }).click();
    await tab.page.click('nav >> text=Train');
    await untilText(tab.page.locator('.settings'), /at most [34]\d(\.\d)? MiB of GPU memory/);
    await tab.page.click('nav >> text=Models');
    await gpu.getByLabel('Memory budget').fill('3 MiB');
    await gpu.getByRole('button', { name: 'Set' }).click();
    await tab.page.click('nav >> text=Train');
    await untilText(
      tab.page.locator('.settings'),
      /This run needs .* of GPU memory, and the memory budget is 3(\.0)? MiB/,
    );
    expect(await tab.page.isDisabled('#start')).toBe(true);
    await tab.page.click('nav >> text=Models');
    await gpu.getByLabel('Memory budget').fill('nonsense');
    await untilText(gpu, /A size such as 2 GiB/);
    await gpu.getByLabel('Memory budget').fill('');
    await gpu.getByRole('button', { name: 'Set' }).click();
    await card(tab, 'Demonstration').getByRole('button').click();
    await expect.poll(() => notice(tab).textContent()).toBe('');
    tab.expectQuiet();
  });
});

describe('the GPU', () => {
  it('that is not there is explained with the browser and the flag that help, and the rest of the page works', async () => {
    const { args, ...launch } = await chromeForTests();
    const bare = await chromium.launch({ ...launch, args: args.filter((arg) => !/webgpu|vulkan/i.test(arg)) });
    try {
      await using tab = await app.open('models', {}, bare);
      await untilText(notice(tab), /WebGPU.*--enable-unsafe-webgpu --enable-features=Vulkan/);
      await untilText(shown(tab), /No GPU to work with/);
      await untilText(card(tab, 'Kept in this browser'), /This page uses .*Nothing yet/);
      expect(await tab.page.getByRole('button', { name: 'GGUF file…' }).isDisabled()).toBe(true);
      await tab.go('train');
    } finally {
      await bare.close();
    }
  });

  it('that was lost comes back with the model that was loaded', async () => {
    await using tab = await app.open('models');
    await tab.modelReady();
    await drop(tab.page, 'tiny-F32.gguf', await readFile(GGUF));
    await card(tab, 'tiny-F32.gguf').waitFor();
    await tab.page.getByLabel('Name on the Hub').fill('owner/half-typed');
    const devtools = await app.browser.newBrowserCDPSession();
    await devtools.send('Browser.crashGpuProcess');
    await untilText(notice(tab), /The browser took the GPU away .*tiny-F32\.gguf is loaded again/);
    await notice(tab).getByRole('button', { name: 'Start the GPU again' }).click();
    await card(tab, 'tiny-F32.gguf').waitFor();
    await untilText(shown(tab), /tiny-F32\.gguf$/);
    expect(await tab.page.getByLabel('Name on the Hub').inputValue()).toBe('owner/half-typed');
  });
});

it('the view is accessible and fits a small screen', async () => {
  for (const options of [{ width: 360 }, { colorScheme: 'dark' as const }]) {
    await using tab = await app.open('models', options);
    await tab.modelReady();
    await drop(tab.page, 'notes.txt', new Uint8Array(3));
    await untilText(notice(tab), /is no model/);
    await tab.page.getByText('Limits and features').click();
    await tab.expectNoSidewaysScroll();
    await tab.expectAccessible();
  }
});
