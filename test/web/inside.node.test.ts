import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { plainPass } from '../../src/eval/dump.ts';
import { encodeSteering } from '../../src/model/steering.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden } from '../setup/golden.ts';
import { type Tab, useApp } from './harness.ts';

const app = useApp();
const PROMPT = 'Question: Tina fills 4 crates with 7 buttons each.\nAnswer:';
const LAYERS = 6;

/** The view with a model, and one of its tabs open. */
async function open(name: string, options?: Parameters<typeof app.open>[1]): Promise<Tab> {
  const tab = await app.open('inside', options);
  await tab.modelReady();
  await tab.page.getByRole('tab', { name }).click();
  return tab;
}

async function read({ page }: Tab, prompt = PROMPT): Promise<void> {
  await page.getByRole('textbox', { name: 'Prompt' }).fill(prompt);
  await page.getByRole('button', { name: 'Read', exact: true }).click();
  await page.getByRole('button', { name: 'Read', exact: true, disabled: false }).waitFor();
}

/** The golden vectors of the demonstration, as a file that somebody opens. */
async function openVectors(tab: Tab): Promise<void> {
  const vectors = (await golden('demo')).f32('steering');
  const bytes = encodeSteering({ vectors, numLayers: LAYERS, hiddenSize: 128, metadata: { scale: '1' } });
  await tab.page.getByRole('tab', { name: 'Vectors' }).click();
  await tab.page
    .locator('main input[type=file]')
    .setInputFiles({ name: 'golden.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
  await tab.page.getByRole('heading', { name: 'The tokens that the vectors point to' }).waitFor();
}

const map = ({ page }: Tab, name: RegExp): Locator => page.getByRole('application', { name });
const readout = (of: Locator): Locator => of.page().locator('figure', { has: of }).locator('output');

/** Points at a cell of a map of so many rows and columns. */
async function point(of: Locator, at: { row: number; rows: number; column: number; columns: number }): Promise<void> {
  const box = await of.boundingBox();
  if (!box) throw new Error('the map is not to be seen');
  const position = {
    x: ((at.column + 0.5) * box.width) / at.columns,
    y: ((at.row + 0.5) * box.height) / at.rows,
  };
  await of.hover({ position });
}

describe('the lens of a prompt', () => {
  it('ends in the next tokens that the engine says, and says of each cell what stands there', async () => {
    const lm = await demoModel(await testDevice());
    const ids = lm.tokenizer.encode(PROMPT, { addSpecialTokens: true });
    const { logits } = await plainPass(lm.model, ids);
    const last = logits.subarray((ids.length - 1) * 512);
    const total = last.reduce((sum, x) => sum + Math.exp(x), 0);
    const want = Array.from(last, (x, id) => ({ id, percent: (100 * Math.exp(x)) / total }))
      .sort((a, b) => b.percent - a.percent)
      .slice(0, 4);

    await using tab = await open('Prompt');
    await read(tab);
    const panel = tab.page.getByRole('region', { name: 'Tokens of the cell' });
    await panel.getByRole('heading', { name: `After layer 5, token ${ids.length - 1}` }).waitFor();
    const rows = await panel.locator('tbody tr').allInnerTexts();
    expect(rows).toHaveLength(10);
    want.forEach(({ id, percent }, i) => {
      const [token, shown] = (rows[i] as string).split(/\s*\t\s*|\n+/).filter((part) => part.trim() !== '');
      expect(token?.trim()).toBe(lm.tokenizer.decode([id]).replaceAll(' ', '·').replaceAll('\n', '↵'));
      expect(Math.abs(Number.parseFloat(shown as string) - percent)).toBeLessThan(0.6);
    });

    const cells = map(tab, /Logit lens/);
    expect((await tab.pixels(cells)).colours).toBeGreaterThan(40);
    await cells.scrollIntoViewIfNeeded();
    await cells.focus();
    await tab.page.keyboard.press('Control+Home');
    await expect.poll(() => readout(cells).textContent()).toMatch(/^The embedding at “Question”: “.+” next, [\d.]+ %$/);
    await tab.page.keyboard.press('ArrowDown');
    await expect.poll(() => readout(cells).textContent()).toMatch(/^Layer 0 at “Question”/);
    await point(cells, { row: 3, rows: LAYERS + 1, column: 1, columns: ids.length });
    await expect.poll(() => readout(cells).textContent()).toMatch(/^Layer 2 at “:”/);
    await panel.getByRole('heading', { name: 'After layer 2, token 1 :' }).waitFor();
    tab.expectQuiet();
  });

  it('shows what vectors change, cell by cell', async () => {
    await using tab = await open('Vectors');
    await openVectors(tab);
    await tab.page.getByRole('tab', { name: 'Prompt' }).click();
    await read(tab);
    await tab.page.getByText('Difference', { exact: true }).click();
    const panel = tab.page.getByRole('region', { name: 'Tokens of the cell' });
    await expect.poll(() => panel.textContent()).toMatch(/KL\(steered ‖ base\) 0\.\d+ nats[\s\S]*[+−]\d+\.\d/);
    const cells = map(tab, /Logit lens/);
    expect((await tab.pixels(cells)).colours).toBeGreaterThan(20);
    await cells.focus();
    await tab.page.keyboard.press('Control+Home');
    await expect.poll(() => readout(cells).textContent()).toMatch(/KL 0 nats$/);
    tab.expectQuiet();
  });

  it('says how long a prompt may be, ends a reading when told to, and takes what is no text for text', async () => {
    await using tab = await open('Prompt', { width: 360, height: 740, colorScheme: 'dark' });
    await read(tab, 'buttons '.repeat(200));
    await tab.page
      .getByText(/^The prompt is \d+ tokens long, and this view reads 128 at the most: shorten it\.$/)
      .waitFor();
    const name = await tab.page.evaluate(async (text) => {
      const { Comlink } = globalThis as unknown as { Comlink: typeof import('comlink') };
      const { inspection } = globalThis.engineForTests();
      const reading = inspection.prompt(
        { text, asChat: false },
        Comlink.proxy(() => {}),
      );
      await inspection.cancel();
      return reading.then(
        () => 'finished',
        (error: Error) => error.name,
      );
    }, 'buttons '.repeat(40));
    expect(name).toBe('AbortError');
    await read(tab, '<img src=x onerror="throw 1"> 4');
    await map(tab, /Logit lens/).waitFor();
    expect(await tab.page.locator('main img').count()).toBe(0);
    await tab.expectNoSidewaysScroll();
    await tab.expectAccessible();
    tab.expectQuiet();
  });
});

describe('attention', () => {
  it('draws every head and their mean, in rows that add up to 1', async () => {
    await using tab = await open('Attention');
    await read(tab);
    const cells = map(tab, /mean of 4 heads/);
    await cells.waitFor();
    expect((await tab.pixels(cells)).colours).toBeGreaterThan(40);
    const heads = tab.page.getByRole('group', { name: 'Head' }).getByRole('button');
    expect(await heads.allInnerTexts()).toEqual(['mean', 'head 0', 'head 1', 'head 2', 'head 3']);
    for (const head of await heads.all())
      expect((await tab.pixels(head.locator('canvas'))).colours).toBeGreaterThan(15);

    const sums = await tab.page.evaluate(async (text) => {
      const { inspection } = globalThis.engineForTests();
      const { tokens, weights } = await inspection.attention({ text, asChat: false, layer: 2, steered: false });
      const t = tokens.length;
      return Array.from({ length: weights.length / t }, (_, row) =>
        weights.subarray(row * t, (row + 1) * t).reduce((sum, p) => sum + p, 0),
      );
    }, PROMPT);
    expect(sums.length % 4).toBe(0);
    expect(sums.every((sum) => Math.abs(sum - 1) < 1e-5)).toBe(true);

    await heads.nth(2).click();
    await tab.page.getByRole('slider', { name: 'Layer', exact: true }).fill('1');
    const third = map(tab, /layer 1, head 1/);
    await third.waitFor();
    const columns = sums.length / 4;
    await point(third, { row: 2, rows: columns, column: 0, columns });
    await expect.poll(() => readout(third).textContent()).toMatch(/^Token 2 .+ → token 0 Question: [\d.]+ %$/);
    await point(third, { row: 0, rows: columns, column: 2, columns });
    await expect.poll(() => readout(third).textContent()).toMatch(/does not see/);
    await tab.picture('inside-attention', { fullPage: true });
    tab.expectQuiet();
  });
});

describe('the vectors', () => {
  it('are missed with a way to get some, and read once they are there: tokens, lengths, cosines', async () => {
    await using tab = await open('Vectors');
    await tab.page.getByRole('button', { name: 'Train vectors' }).waitFor();
    await openVectors(tab);
    const tokens = map(tab, /layers by tokens/);
    expect((await tab.pixels(tokens)).colours).toBeGreaterThan(30);
    const pairs = map(tab, /Cosines between/);
    expect((await tab.pixels(pairs)).colours).toBeGreaterThan(10);
    await pairs.focus();
    await tab.page.keyboard.press('Control+End');
    await expect.poll(() => readout(pairs).textContent()).toBe('Layer 5 and layer 5: 1.00');

    const layers = tab.page.locator('.inside-layers');
    const before = await tab.rows(layers);
    expect(before).toHaveLength(LAYERS);
    expect(before.every((row) => Number.parseFloat(row.Length as string) > 0 && row.Towards !== '–')).toBe(true);
    await tab.page.getByText('Final norm applied').click();
    await expect.poll(() => tab.rows(layers)).not.toEqual(before);
    await tab.expectAccessible();
    tab.expectQuiet();
  });

  it('are those of Steer too once they are opened here', async () => {
    await using tab = await open('Vectors');
    await tab.go('steer');
    const source = tab.page.getByRole('region', { name: 'Vectors' });
    await source.getByText('None yet.').waitFor();
    await tab.go('inside');
    await openVectors(tab);
    await tab.go('steer');
    await source.getByText('golden.safetensors', { exact: true }).waitFor();
  });
});
