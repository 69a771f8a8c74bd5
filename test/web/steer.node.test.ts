import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { plainPass } from '../../src/eval/dump.ts';
import { decodeSteering, encodeSteering, uploadSteering } from '../../src/model/steering.ts';
import type { StreamBatch } from '../../web/worker/steer_types.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { hasShared, sharedPath } from '../setup/files.ts';
import { type Tab, useApp } from './harness.ts';

const app = useApp();
const [layers, hidden] = [6, 128];
const folder = await mkdtemp(join(tmpdir(), 'trimtab-steer-'));
const gguf = hasShared ? sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf') : '';
const hasGguf = gguf !== '' && existsSync(gguf);
if (!hasGguf)
  console.warn('SmolLM2-135M-Instruct.Q4_1.gguf is not in the shared folder (TRIMTAB_SHARED): not dropped.');
const HOSTILE = '<img src=x onerror="throw 1"><script>throw 2</script>\u202e\u0007';

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The same numbers in every run, from −1 to 1. */
function noise(count: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const vectors = noise(layers * hidden);

async function vectorFile(name: string, metadata: Record<string, string>, values = vectors, width = hidden) {
  const path = join(folder, name);
  const numLayers = values.length / width;
  await writeFile(path, encodeSteering({ vectors: values, numLayers, hiddenSize: width, metadata }));
  return path;
}

async function openSteer(): Promise<Tab> {
  const tab = await app.open('steer');
  await tab.modelReady();
  await tab.page.waitForSelector('text=Next example');
  return tab;
}

/** Opens a file of vectors that the model is known to fit. */
async function withVectors(tab: Tab): Promise<void> {
  const identity = await tab.page.evaluate(async () => (await globalThis.engineForTests().session.info()).identity);
  await tab.page.setInputFiles(
    '.steer-vectors input[type=file]',
    await vectorFile('random.safetensors', { model: identity }),
  );
  await tab.page.waitForSelector('.steer-layers');
}

async function settle(tab: Tab): Promise<void> {
  await tab.page.waitForSelector('#steer-stop:disabled');
  await tab.page.waitForSelector('.steer-column.base footer:not(:empty)');
}

/** Sets a slider as a hand does, and waits for the steered text that follows it. */
async function slide(tab: Tab, slider: Locator, value: number): Promise<void> {
  // A short run may be over before a wait that begins after it.
  await Promise.all([tab.page.waitForSelector('#steer-stop:enabled'), slider.fill(String(value))]);
  await settle(tab);
}

async function generate(tab: Tab): Promise<void> {
  await Promise.all([tab.page.waitForSelector('#steer-stop:enabled'), tab.page.click('#steer-run')]);
  await settle(tab);
}

const tokens = (tab: Tab, column: string) => tab.page.locator(`.steer-column.${column} .steer-token`).allTextContents();
const most = (tab: Tab, count: number) => tab.page.fill('[name=steer-maxNewTokens]', String(count));

/** Drops a file of this computer on the page, as a hand does. */
async function drop(tab: Tab, path: string): Promise<void> {
  await tab.page.evaluate(() => {
    const input = document.createElement('input');
    input.type = 'file';
    input.id = 'hand';
    document.body.append(input);
  });
  await tab.page.setInputFiles('#hand', path);
  await tab.page.evaluate(() => {
    const input = document.querySelector<HTMLInputElement>('#hand');
    const dataTransfer = new DataTransfer();
    for (const file of input?.files ?? []) dataTransfer.items.add(file);
    input?.remove();
    const target = document.querySelector('main') as HTMLElement;
    for (const type of ['dragenter', 'dragover', 'drop'])
      target.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  });
}

describe('the Steer view', () => {
  it('streams both texts from one prompt; the slider turns one into the other', async () => {
    await using tab = await openSteer();
    const { page } = tab;
    await withVectors(tab);
    await most(tab, 24);
    await generate(tab);
    const base = await tokens(tab, 'base');
    const steered = await tokens(tab, 'steered');
    expect(base.length).toBeGreaterThan(0);
    expect(steered).not.toEqual(base);
    expect(await page.locator('.steer-column.steered [data-place=parting]').count()).toBe(1);

    const strength = page.locator('#strength');
    await slide(tab, strength, 0);
    expect(await tokens(tab, 'steered')).toEqual(base);
    await slide(tab, strength, -1);
    expect(await tokens(tab, 'steered')).not.toEqual(base);
    await slide(tab, strength, 1);
    expect(await tokens(tab, 'steered')).toEqual(steered);
    // The base text is not computed again for a slider.
    expect(await tokens(tab, 'base')).toEqual(base);
    tab.expectQuiet();
  });

  it('weighs every layer: all muted is the base model, one alone is a text of its own', async () => {
    await using tab = await openSteer();
    const { page } = tab;
    await withVectors(tab);
    await most(tab, 12);
    await page.click('text=Live');
    for (let layer = 0; layer < layers; layer++) await page.click(`[aria-label="Mute layer ${layer}"]`);
    await generate(tab);
    const base = await tokens(tab, 'base');
    expect(await tokens(tab, 'steered')).toEqual(base);
    await page.locator('#strength').fill('2');
    await page.click('[aria-label="Layer 0 alone"]');
    await generate(tab);
    expect(await tokens(tab, 'steered')).not.toEqual(base);
    await page.fill('[name=layer-0]', '0');
    await generate(tab);
    expect(await tokens(tab, 'steered')).toEqual(base);
    await page.click('text=All to 1');
    expect(await page.locator('.steer-layers [aria-pressed=true]').count()).toBe(0);
    tab.expectQuiet();
  });

  it('says of a token how likely it was, what else could have stood there, and what the vectors did to it', async () => {
    await using tab = await openSteer();
    const { page } = tab;
    await withVectors(tab);
    await most(tab, 12);
    await generate(tab);
    await page.waitForSelector('.steer-legend div:nth-child(3)');
    await tab.expectAccessible();
    const card = page.locator('.steer-card');
    // By keyboard alone: Tab reaches the text, arrows its tokens.
    await page.locator('.steer-column.steered [data-step="0"]').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.step)).toBe('1');
    await card.locator('table').waitFor();
    const rows = await tab.rows(card.locator('table'));
    expect(rows.length).toBeGreaterThanOrEqual(5);
    expect(rows.filter((row) => row.Token?.includes('taken'))).toHaveLength(1);
    // Greedily the likeliest is taken, under the vectors.
    const steered = rows.map((row) => Number.parseFloat((row.steered ?? '').replace('<', '')));
    expect(Math.max(...steered)).toBe(steered[rows.findIndex((row) => row.Token?.includes('taken'))]);
    await page.keyboard.press('Escape');
    await card.waitFor({ state: 'detached' });

    const scores = await page.evaluate(() => globalThis.engineForTests().steer.scores());
    const length = (await tokens(tab, 'steered')).length;
    expect([scores.steered?.base.length, scores.steered?.steered.length]).toEqual([length, length]);
    tab.expectQuiet();
  });

  it('scores each text by the model without and with the vectors as a plain pass over the whole text does', async () => {
    await using tab = await openSteer();
    await withVectors(tab);
    const text = 'Question: Ada has 3 pens and buys 4.\nAnswer:';
    const push = { strength: 0.8, layers: [1, 0.5, 1, -1, 0, 1] };
    const seen = await tab.page.evaluate(
      async ({ text, push }) => {
        const { steer } = globalThis.engineForTests();
        const { proxy } = (globalThis as unknown as { Comlink: typeof import('comlink') }).Comlink;
        const events: StreamBatch['events'][number][] = [];
        const input = { kind: 'text' as const, text };
        await steer.generate(
          {
            run: 0,
            columns: ['base', 'steered'],
            input,
            ...push,
            temperature: 1,
            topK: 0,
            topP: 1,
            seed: 3,
            maxNewTokens: 12,
          },
          proxy((batch: StreamBatch) => {
            events.push(...batch.events);
          }),
        );
        const scores = await steer.scores();
        return (['base', 'steered'] as const).map((column) => ({
          ids: events.filter((event) => event.column === column).map(({ id }) => id),
          sampled: events.filter((event) => event.column === column).map(({ logprob }) => logprob),
          base: [...(scores[column]?.base ?? [])],
          steered: [...(scores[column]?.steered ?? [])],
        }));
      },
      { text, push },
    );
    const { model, tokenizer } = await demoModel(await testDevice());
    const prompt = tokenizer.encode(text, { addSpecialTokens: true });
    const weighed = vectors.map((x, i) => x * push.strength * (push.layers[Math.floor(i / hidden)] as number));
    const file = { vectors: weighed, numLayers: layers, hiddenSize: hidden, metadata: {} };
    const steering = uploadSteering(model.device, model.config, file, 1, 'the test');
    for (const [i, { ids, sampled, base, steered }] of seen.entries()) {
      expect(ids.length).toBeGreaterThan(0);
      const want: number[][] = [];
      for (const side of [undefined, steering]) {
        const { logits } = await plainPass(model, [...prompt, ...ids], side);
        const v = model.config.vocab_size;
        const logp = ids.map((id, at) => {
          const row = logits.subarray((prompt.length - 1 + at) * v, (prompt.length + at) * v);
          return (row[id] as number) - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
        });
        want.push(logp);
      }
      const near = (numbers: readonly number[] = []) => numbers.map((x) => expect.closeTo(x, 4));
      expect(base).toEqual(near(want[0]));
      expect(steered).toEqual(near(want[1]));
      expect(sampled).toEqual(near(want[i]));
      expect(steered).not.toEqual(near(base));
    }
    model.device.arena.free(steering.tensor);
    tab.expectQuiet();
  });

  it('gives vectors out as they came, and as they were adjusted', async () => {
    await using tab = await openSteer();
    const { page } = tab;
    await withVectors(tab);
    const original = await tab.download(page.locator('text="Save"'));
    const read = decodeSteering(original.bytes, original.name);
    expect([...read.vectors]).toEqual([...vectors]);
    expect(read.metadata.model).toMatch(/^[0-9a-f]{64}$/);

    await page.locator('#strength').fill('-0.5');
    await page.click('[aria-label="Mute layer 2"]');
    const { name, bytes } = await tab.download(page.locator('text=Save as adjusted'));
    expect(name).toBe('random-adjusted.safetensors');
    const adjusted = decodeSteering(bytes, name);
    const factor = (i: number) => (Math.floor(i / hidden) === 2 ? 0 : -0.5);
    expect(adjusted.vectors.every((x, i) => x === (vectors[i] as number) * factor(i))).toBe(true);
    expect(adjusted.metadata).toMatchObject({ strength: '-0.5', layer_factors: '1,1,0,1,1,1' });
    tab.expectQuiet();
  });

  it('refuses vectors that do not fit, and asks about those of other weights', async () => {
    await using tab = await openSteer();
    const { page } = tab;
    const problem = page.locator('.steer-vectors .problem');
    await page.setInputFiles(
      '.steer-vectors input[type=file]',
      await vectorFile('narrow.safetensors', {}, noise(64), 16),
    );
    await expect.poll(() => problem.textContent()).toMatch(/4 layers of 16, but this model has 6 layers of 128/);
    const broken = join(folder, 'broken.safetensors');
    await writeFile(broken, 'no safetensors');
    await page.setInputFiles('.steer-vectors input[type=file]', broken);
    await expect.poll(() => problem.textContent()).toMatch(/broken\.safetensors/);
    expect(await page.locator('.steer-layers').count()).toBe(0);

    await page.setInputFiles(
      '.steer-vectors input[type=file]',
      await vectorFile('other.safetensors', { model: 'f'.repeat(64) }),
    );
    const doubt = page.locator('.steer-vectors .note[role=alert]');
    await expect.poll(() => doubt.textContent()).toMatch(/other weights of the same shape \(fingerprint ffffffffffff…/);
    expect(await page.locator('.steer-layers').count()).toBe(0);
    await page.click('text=Use them anyway');
    await page.waitForSelector('.steer-layers');
    expect(await page.textContent('.steer-vectors')).toContain('other weights of the same shape');
    tab.expectQuiet();
  });

  it('generates base text without vectors, shows any text as text, and stops when told to', async () => {
    await using tab = await openSteer();
    const { page } = tab;
    expect(await page.locator('.steer-column.steered a[href="#/train"]').count()).toBe(1);
    await page.click('text="Text"');
    await page.fill('textarea', HOSTILE);
    await most(tab, 400);
    // An answer that ends by itself cannot be stopped: hot enough, none does soon.
    await page.fill('[name=steer-temperature]', '5');
    // With the first token, by the page itself: on a machine that others use the answer would be over before a hand's key comes.
    await page.evaluate(() => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector('.steer-column.base .steer-token')) return;
        observer.disconnect();
        document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
      }).observe(document, { childList: true, subtree: true });
    });
    await page.keyboard.press('Control+Enter');
    await settle(tab);
    expect(await page.textContent('.steer-column.base footer')).toMatch(/tokens · stopped/);
    const stopped = (await tokens(tab, 'base')).length;
    expect(stopped).toBeLessThan(400);
    expect(await page.locator('main img, main script').count()).toBe(0);
    await page.setViewportSize({ width: 360, height: 740 });
    await tab.expectNoSidewaysScroll();
    tab.expectQuiet();
  });

  it('steers with the vectors of a run that goes on, between its steps', async () => {
    await using tab = await app.open('train');
    const { page } = tab;
    await tab.modelReady();
    await page.waitForSelector('#start:enabled');
    await page.click('summary:text("All settings")');
    for (const group of await page.locator('.all > details > summary').all()) await group.click();
    const settings = { max_steps: 400, num_prompts: 1, num_generations: 2, max_completion_length: 16, eval_size: 1 };
    for (const [name, value] of Object.entries(settings)) await page.fill(`[name=${name}]`, String(value));
    await page.click('#start');
    await page.waitForSelector('#status[data-phase=running]');
    await tab.go('steer');
    await page.waitForSelector('.steer-layers');
    await most(tab, 6);
    await generate(tab);
    expect((await tokens(tab, 'steered')).length).toBeGreaterThan(0);
    expect(await page.textContent('.steer-vectors')).toContain('from training here');
    await tab.go('train');
    expect(await page.locator('#pause').isEnabled()).toBe(true);
    await page.click('#pause');
    await page.waitForSelector('#resume:enabled');
    tab.expectQuiet();
  });

  it.skipIf(!hasGguf)(
    'streams tokens of a GGUF file that was dropped, in a chat, and puts vectors of another model away',
    async () => {
      await using tab = await openSteer();
      const { page } = tab;
      await withVectors(tab);
      await most(tab, 6);
      await drop(tab, gguf);
      await page.waitForSelector('text=System line');
      expect(await page.textContent('.steer-vectors')).toContain('random.safetensors was made for another model');
      const name = 'chat.safetensors';
      await page.setInputFiles('.steer-vectors input[type=file]', await vectorFile(name, {}, noise(30 * 576), 576));
      await page.waitForSelector('.steer-layers');
      await page.fill('textarea', 'Say hello.');
      await generate(tab);
      const first = await tokens(tab, 'base');
      expect(first).toHaveLength(6);
      expect(await tokens(tab, 'steered')).not.toEqual(first);
      // Each column goes on from its own answer.
      await page.fill('textarea', 'Again.');
      await generate(tab);
      expect(await page.locator('.steer-column.base .steer-said').allTextContents()).toEqual([first.join('')]);
      expect(await page.locator('.steer-column.steered .steer-user').allTextContents()).toEqual([
        'Say hello.',
        'Again.',
      ]);
      expect(await tokens(tab, 'base')).toHaveLength(6);
      tab.expectQuiet();
    },
    300_000,
  );
});
