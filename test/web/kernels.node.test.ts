import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../bench/row.ts';
import { staticServer } from '../../src/cli/static_server.ts';
import { chromeForTests } from '../../src/gpu/swiftshader.node.ts';
import { parseRun, ratioOf, toJsonLines, toMarkdown } from '../../web/views/kernels/results.ts';

/** As `npm run build` made it, which `npm test` begins with. */
const app = fileURLToPath(new URL('../../dist/web', import.meta.url));
/** For any one step: a row takes a second at most where nothing else runs. */
const PATIENCE_MS = 20_000;
let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = staticServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  browser = await chromium.launch(await chromeForTests());
});

afterAll(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
});

const row = (name: string, ms: number, [p25, p75] = [ms, ms]): Row => {
  return {
    name,
    impl: 'trimtab',
    shape: 'N=4',
    dtype: 'f32',
    ms,
    p25,
    p75,
    gflops: 1,
    gbps: 2,
    roofline: 0.5,
    adapter: 'a',
  };
};

describe('runs of benchmarks', () => {
  it('are read as they were written, and as one array', () => {
    const run = {
      environment: { name: 'environment', date: '2026-01-01', adapter: 'a' },
      rows: [row('rope', 2)],
    } as const;
    expect(parseRun(toJsonLines(run))).toEqual(run);
    expect(parseRun(JSON.stringify([run.environment, ...run.rows]))).toEqual(run);
  });

  it('say what is wrong with a text that is none', () => {
    expect(() => parseRun('{"name":"environment"}\nhello')).toThrow(/^Line 2 is no JSON/);
    expect(() => parseRun('{"name":"environment"}')).toThrow(/There is no row/);
  });

  it('have ratios whose spread is that of both', () => {
    expect(ratioOf(row('rope', 2, [1.5, 3]), row('rope', 4, [3, 5]))).toEqual({
      median: 0.5,
      low: 0.3,
      high: 1,
      mixed: false,
    });
    const [stamped, clocked] = [
      { ...row('rope', 2), method: 'timestamps' },
      { ...row('rope', 2), method: 'wall' },
    ] as const;
    expect(ratioOf(stamped, clocked)).toMatchObject({ mixed: true });
    expect(ratioOf(row('rope', 2), undefined)).toBeUndefined();
  });

  it('become a table in Markdown, with bars in names kept apart from those of columns', () => {
    const text = toMarkdown({ environment: { name: 'environment', adapter: 'a' }, rows: [row('a|b', 2)] });
    expect(text).toContain('| a\\|b | N=4 | f32 |  | 2 | 2 to 2 | 1 | 2 | 50 % |');
  });
});

describe('the view of the kernels', () => {
  it('measures, draws, sorts, copies, saves and compares', async () => {
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/#/kernels`);
    await page.uncheck('.families input[name=linear]');
    await page.check('.families input[name=rmsnorm_forward]');
    await page.check('.families input[name=gather_rows]');
    await page.click('button:text("Measure 4 rows")');
    await page.waitForSelector('.kernels .progress');
    await page.waitForSelector('.kernel-choice .primary:enabled');
    expect(await page.textContent('.kernels .problem-place')).toBe('');

    const copied = async (what: string) => {
      await page.click(`button:text("Copy ${what}")`);
      await page.waitForSelector(`[role=status]:text("${what} copied")`);
      return page.evaluate(() => navigator.clipboard.readText());
    };
    const json = await copied('JSON');
    const { environment, rows } = parseRun(json);
    expect(environment).toMatchObject({ name: 'environment', adapter: expect.stringMatching(/./) });
    expect(rows.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      'rmsnorm_forward demo N=64',
      'rmsnorm_forward demo N=1024',
      'gather_rows demo N=64',
      'gather_rows demo N=1024',
    ]);
    for (const { ms, p25, p75, gflops, gbps, roofline, error, variant } of rows) {
      for (const figure of [ms, p25, p75, gflops, gbps, roofline, error]) expect(figure).toSatisfy(Number.isFinite);
      expect(ms).toBeGreaterThan(0);
      expect(variant).toMatch(/^(rmsnorm|gather)/);
    }
    const markdown = (await copied('Markdown'))
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(markdown.map((line) => line.split(' | ').length)).toEqual([9, 9, 9, 9, 9, 9]);

    // What only moves data has no place on the plot.
    expect(await page.locator('.roofline .dot').count()).toBe(2);
    await page.focus('.roofline .dot[tabindex="0"]');
    await page.keyboard.press('End');
    expect(await page.textContent('.roofline-said')).toContain('rmsnorm_forward demo N=1024');

    const times = async () => (await page.locator('.bench-rows td:nth-child(5)').allTextContents()).map(Number);
    await page.click('.bench-rows th button:text-is("ms")');
    expect(await times()).toEqual((await times()).toSorted((a, b) => a - b));
    await page.click('.bench-rows th button:text-is("ms")');
    expect(await page.getAttribute('.bench-rows th:nth-child(5)', 'aria-sort')).toBe('descending');

    await page.click('button:text-is("Save")');
    await page.click('.saved-runs button:text-is("Compare")');
    expect(await page.locator('.ratio b').allTextContents()).toEqual(['1.00', '1.00', '1.00', '1.00']);
    expect(await page.locator('.roofline .old').count()).toBe(2);
    const slower = rows.map((one) => ({ ...one, ms: 2 * (one.ms ?? 0), adapter: 'another' }));
    await page.fill('[name=other-run]', JSON.stringify([{ ...environment, adapter: 'another' }, ...slower]));
    await page.click('button:text("Compare with this")');
    await page.waitForSelector('.card-sub:text("4 rows of another")');
    expect(await page.locator('.ratio b').allTextContents()).toEqual(['0.50', '0.50', '0.50', '0.50']);
    await page.fill('[name=other-run]', 'no run');
    await page.click('button:text("Compare with this")');
    await page.waitForSelector('section:has(> header > h2:text-is("Compare")) .problem p:text("Line 1 is no JSON")');

    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('stops after the row that it is at, and keeps what it has', async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/#/kernels`);
    await page.click('.kernel-choice button:text-is("All")');
    await page.click('.kernel-choice .primary');
    await page.waitForSelector('.bench-rows tbody tr');
    await page.click('.kernel-choice button:text-is("Stop")');
    await page.waitForSelector('.kernel-choice .primary:enabled');
    expect(await page.locator('.bench-rows tbody tr').count()).toBeLessThan(40);
    await page.close();
  });
});
