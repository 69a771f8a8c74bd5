import { describe, expect, it } from 'vitest';
import { type Pixels, type Tab, useApp } from './harness.ts';

const app = useApp();

const BASE = '#9dabbb';
const STEERED = '#d9481c';
/** Fog and smooth edges change a colour a little. */
const NEAR = 14;

/** The tab of the path, with vectors that a generator made, or without any. */
async function openSpace(tab: Tab, vectors = true): Promise<void> {
  await tab.modelReady();
  if (vectors) {
    await tab.page.evaluate(async () => {
      const { session } = globalThis.engineForTests();
      const { layers, hiddenSize } = await session.info();
      let state = 17;
      const values = Float32Array.from({ length: layers * hiddenSize }, () => {
        state = (state * 48271) % 2147483647;
        return state / 2147483647 - 0.5;
      });
      // Comlink makes an assignment a message; the call after it is answered when that has arrived.
      (session as unknown as { vectors: unknown }).vectors = { name: 'random', layers, hiddenSize, values, scale: 1 };
      await session.info();
    });
  }
  await tab.go('inside');
  await tab.page.getByRole('tab', { name: /path/i }).click();
  await tab.page.locator('.space-table').waitFor();
}

/** What the canvas shows: the next two frames have been drawn. */
async function picture(tab: Tab) {
  await tab.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  return tab.pixels(tab.page.locator('.space-picture canvas'));
}

/** Waits until the picture has the colour of the steered path or, where there is none, of the base path. */
async function drawn(tab: Tab, colour = STEERED): Promise<void> {
  await expect.poll(async () => (await picture(tab)).share(colour, NEAR), { timeout: 30_000 }).toBeGreaterThan(3e-4);
}

function same(a: Pixels, b: Pixels): boolean {
  return a.colours === b.colours && [...a.counts].every(([word, count]) => b.counts.get(word) === count);
}

describe('the path of the residual stream', () => {
  it('draws both paths, turns by keys, moves with the strength, and comes back when its GPU device is lost', async () => {
    await using tab = await app.open('models');
    await tab.page.evaluate(() => {
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...options) {
        const device = await request.apply(this, options);
        (globalThis as unknown as { newestDevice: GPUDevice }).newestDevice = device;
        return device;
      };
    });
    await openSpace(tab);
    await drawn(tab);
    await tab.page.locator('.space-picture canvas').focus();
    await tab.page.keyboard.press('Home');
    const first = await picture(tab);
    expect(first.share(BASE, NEAR)).toBeGreaterThan(3e-4);
    for (const key of ['ArrowRight', 'ArrowUp', '+']) {
      const before = await picture(tab);
      await tab.page.keyboard.press(key);
      expect(same(await picture(tab), before), key).toBe(false);
    }
    await tab.page.keyboard.press('Home');
    expect(same(await picture(tab), first)).toBe(true);

    // At strength 0 the vectors do nothing, and the table says so.
    const table = tab.page.locator('.space-table table');
    const distances = async () => (await tab.rows(table)).map((row) => Number(row.Distance));
    expect((await distances()).slice(1).every((distance) => distance > 0)).toBe(true);
    await tab.page.getByLabel('Strength of the vectors', { exact: true }).fill('0');
    await expect.poll(distances, { timeout: 30_000 }).toEqual([0, 0, 0, 0, 0, 0, 0]);
    await tab.page.getByLabel('Strength of the vectors', { exact: true }).fill('1');
    await expect.poll(async () => (await distances())[6], { timeout: 30_000 }).toBeGreaterThan(0);

    await tab.page.evaluate(() => (globalThis as unknown as { newestDevice: GPUDevice }).newestDevice.destroy());
    await tab.page.locator('.space-picture canvas').focus();
    await tab.page.keyboard.press('Home');
    await tab.page.keyboard.press('ArrowLeft');
    await expect.poll(async () => same(await picture(tab), first), { timeout: 30_000 }).toBe(false);
    await drawn(tab);

    await tab.page.getByRole('button', { name: 'layer 3' }).click();
    expect(await tab.page.locator('.space-labels [data-kind=mark]').textContent()).toContain('layer 3');
    await tab.expectAccessible();
    await tab.page.setViewportSize({ width: 360, height: 740 });
    await drawn(tab);
    tab.expectQuiet();
  });

  it('is turned by mouse, wheel and fingers, and draws nothing while nothing changes', async () => {
    await using tab = await app.open('models', { reducedMotion: 'reduce' });
    await openSpace(tab);
    await drawn(tab);
    await tab.page.evaluate(() => {
      const counted = globalThis as unknown as { draws: number };
      counted.draws = 0;
      const submit = GPUQueue.prototype.submit;
      GPUQueue.prototype.submit = function (buffers) {
        counted.draws++;
        return submit.call(this, buffers);
      };
    });
    const draws = () => tab.page.evaluate(() => (globalThis as unknown as { draws: number }).draws);
    const canvas = tab.page.locator('.space-picture canvas');
    await canvas.scrollIntoViewIfNeeded();
    const box = (await canvas.boundingBox()) as NonNullable<Awaited<ReturnType<typeof canvas.boundingBox>>>;
    const [x, y] = [box.x + 80, box.y + 80];
    const changes = async (what: string, act: () => Promise<void>) => {
      const before = await picture(tab);
      await act();
      expect(same(await picture(tab), before), what).toBe(false);
    };

    await changes('a drag', async () => {
      await tab.page.mouse.move(x, y);
      await tab.page.mouse.down();
      await tab.page.mouse.move(x + 60, y + 20, { steps: 4 });
      await tab.page.mouse.up();
    });
    await changes('the wheel', () => tab.page.mouse.wheel(0, -120));
    const touch = await tab.page.context().newCDPSession(tab.page);
    const send = (
      type: 'touchStart' | 'touchMove' | 'touchEnd',
      ...touchPoints: { x: number; y: number; id: number }[]
    ) => touch.send('Input.dispatchTouchEvent', { type, touchPoints });
    await changes('one finger', async () => {
      await send('touchStart', { x, y, id: 1 });
      await send('touchMove', { x: x + 40, y: y + 10, id: 1 });
      await send('touchEnd');
    });
    await changes('two fingers', async () => {
      const other = { x: x + 100, y: y + 60, id: 2 };
      await send('touchStart', { x, y, id: 1 }, other);
      await send('touchMove', { x, y, id: 1 }, { ...other, x: x + 140 });
      await send('touchMove', { x, y, id: 1 }, { ...other, x: x + 180 });
      await send('touchEnd');
    });

    const still = await draws();
    expect(still).toBeGreaterThan(3);
    await tab.page.waitForTimeout(400);
    expect(await draws()).toBe(still);
    tab.expectQuiet();
  });

  it('draws the base path alone where there are no vectors, and says how to get some', async () => {
    await using tab = await app.open('models', { colorScheme: 'dark' });
    await openSpace(tab, false);
    await drawn(tab, '#5f7086');
    expect(await tab.page.locator('.space-note').textContent()).toContain('train some under Train');
    expect(await tab.page.getByLabel('Strength of the vectors', { exact: true }).isDisabled()).toBe(true);
    await tab.page.getByRole('radio', { name: 'all', exact: true }).check();
    await tab.page.locator('.space-figures option').nth(8).waitFor({ state: 'attached' });
    await tab.page.getByLabel('Prompt').fill('');
    await tab.page.getByRole('alert').getByText('The prompt is empty').waitFor();
    tab.expectQuiet();
  });

  it('shows the first two axes flat where a canvas cannot be drawn on by WebGPU', async () => {
    await using tab = await app.open('models');
    await tab.page.evaluate(() => {
      const native = HTMLCanvasElement.prototype.getContext as (...args: unknown[]) => RenderingContext | null;
      HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, kind: string, ...rest: unknown[]) {
        return kind === 'webgpu' ? null : native.call(this, kind, ...rest);
      } as typeof HTMLCanvasElement.prototype.getContext;
    });
    await openSpace(tab);
    const flat = tab.page.locator('.space-flat');
    await flat.waitFor();
    expect(await tab.page.getByText('No 3D picture').isVisible()).toBe(true);
    expect(await flat.locator('.after circle').count()).toBe(7);
    expect(await flat.locator('.before circle').count()).toBe(7);
    tab.expectQuiet();
  });
});
