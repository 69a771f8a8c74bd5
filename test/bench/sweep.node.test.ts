import { chromium } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EndToEnd } from '../../bench/end_to_end.ts';
import { environmentOf } from '../../bench/environment.ts';
import { type Row, Rows } from '../../bench/row.ts';
import { parseSweeps, SWEEP_NAMES, type SweepRequest, sweepRows } from '../../bench/sweep.ts';
import { sweepPage } from '../../bench/sweep_page.ts';
import { VIEWS } from '../../bench/sweep_views.ts';
import { significant } from '../../src/eval/figures.ts';
import { chromeForTests } from '../../src/gpu/swiftshader.node.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';

/** Two values of each, and little work at each. */
const SMALL = 'tokens=8,16,batch=1,3,completions=1,2,context=24,40,layers=2,6';
const ROUNDS = 3;

async function setup(): Promise<EndToEnd> {
  const lm = await demoModel(await testDevice());
  const config = { ...parseTrainConfig('', 'none'), num_generations: 2, max_completion_length: 6 };
  const encode = () => {
    throw new Error('no sweep encodes a problem');
  };
  return { lm, config, problems: [], encode, stop: [] };
}

async function run(requests: readonly SweepRequest[], options: { gflops?: number; rounds?: number } = {}) {
  const opened = await setup();
  const { device } = opened.lm.model;
  const rows: Row[] = [];
  const turns: (readonly [number, number, string])[] = [];
  const live = device.arena.live().length;
  await sweepRows(opened, new Rows(device.caps.adapter, { gflops: options.gflops ?? 1e6, gbps: 1e6 }), requests, {
    rounds: options.rounds ?? ROUNDS,
    all: false,
    emit: (row) => rows.push(row),
    section: () => {},
    onTurn: (...turn) => turns.push(turn),
  });
  expect(device.arena.live(), 'buffers that are left').toHaveLength(live);
  return { rows, turns };
}

describe('the names of sweeps', () => {
  it('are read with the values that follow them', () => {
    expect(parseSweeps('tokens')).toEqual([{ name: 'tokens', values: undefined }]);
    expect(parseSweeps('batch=8,1, 64,layers')).toEqual([
      { name: 'batch', values: [1, 8, 64] },
      { name: 'layers', values: undefined },
    ]);
    expect(parseSweeps('all').map(({ name }) => name)).toEqual(SWEEP_NAMES);
  });

  it.each(['token', '', 'batch=', 'batch=x', '8,batch', 'all=8', 'batch=1.5', 'tokens,,layers', 'all,8', 'Batch'])(
    '%j is refused with those that there are',
    (text) => {
      expect(() => parseSweeps(text)).toThrow(
        /--sweep has .*tokens, batch, completions, context, layers.*batch=1,8,64/,
      );
    },
  );
});

describe('a sweep of every kind, two values each', () => {
  let rows: Row[] = [];
  let turns: (readonly [number, number, string])[] = [];
  let page = '';
  const environment = environmentOf(
    'an adapter',
    ['disable_robustness'],
    { file: 'measured.json', order: 'sequential', choices: {} },
    '.',
  );
  beforeAll(async () => {
    ({ rows, turns } = await run(parseSweeps(SMALL)));
    page = sweepPage({ environment, model: 'demo', rows });
  }, 240_000);

  it('has a row for each value on each line', () => {
    expect(rows.map(({ name, line, value }) => [name.replace('sweep_', ''), line, value])).toEqual([
      ['tokens', 'forward pass', 8],
      ['tokens', 'training pass', 8],
      ['tokens', 'forward pass', 16],
      ['tokens', 'training pass', 16],
      ['batch', 'decode pass', 1],
      ['batch', 'decode pass', 3],
      ['completions', 'separate sequences', 1],
      ['completions', 'prompt once', 1],
      ['completions', 'separate sequences', 2],
      ['completions', 'prompt once', 2],
      ['context', '1 sequence', 24],
      ['context', '64 sequences', 24],
      ['context', '1 sequence', 40],
      ['context', '64 sequences', 40],
      ['layers', 'training pass', 0],
      ['layers', 'training pass', 2],
      ['layers', 'training pass', 6],
    ]);
    for (const row of rows) {
      expect(row.skipped, row.shape).toBeUndefined();
      expect(row.ms, row.shape).toBeGreaterThan(0);
      expect(row.p25, row.shape).toBeLessThanOrEqual(row.median as number);
      expect(row.median, row.shape).toBeLessThanOrEqual(row.p75 as number);
      expect(row.repeats, row.shape).toBe(ROUNDS);
    }
  });

  it('counts the tokens that a pass is about', () => {
    const tokens = rows.map((row) => Math.round(((row.tokens_per_second as number) * (row.ms as number)) / 1000));
    expect(tokens).toEqual([8, 8, 16, 16, 1, 3, 60, 60, 120, 120, 1, 64, 1, 64, 12, 12, 12]);
    const shapes = rows.filter((row) => row.name === 'sweep_completions').map((row) => row.shape.split(', ').at(-1));
    expect(shapes).toEqual(['179 rows', '179 rows', '358 rows', '238 rows']);
  });

  it('holds layers trained against the forward pass of the same run, with the floor of the shapes', () => {
    const [forward, two, six] = rows.filter((row) => row.name === 'sweep_layers') as [Row, Row, Row];
    expect(forward).toMatchObject({ ratio_to_forward: 1, floor: 1 });
    for (const row of [two, six])
      expect(row.ratio_to_forward).toBeCloseTo((row.ms as number) / (forward.ms as number), 10);
    // Two of six layers: the products of one, and the head, are computed backward too.
    expect(two.floor).toBeGreaterThan(1.1);
    expect(two.floor).toBeLessThan(1.5);
    expect(six.floor).toBeGreaterThan(1.8);
    expect(six.floor).toBeLessThan(2.2);
  });

  it('tells how far it is, to the end', () => {
    const done = turns.map(([n]) => n);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(turns.at(-1)).toEqual([rows.length * (ROUNDS + 2), rows.length * (ROUNDS + 2), 'layers']);
  });

  it('has every figure on the page, a dot for each, and what it was measured on', () => {
    for (const row of rows) {
      const line = `<td>${row.value}</td><td>${row.line}</td><td>${significant(row.ms as number)}</td>`;
      expect(page, row.shape).toContain(
        `${line}<td>${significant(row.p25 as number)} to ${significant(row.p75 as number)}</td>`,
      );
    }
    // Two plots a sweep, each for wide and for narrow pages.
    expect(page.match(/<circle class="dot"/g)).toHaveLength(4 * rows.length);
    expect(page.match(/class="many dashed"/g)).toHaveLength(2);
    const { packages, trimtab, node } = environment;
    for (const text of ['an adapter', 'disable_robustness', 'measured.json', trimtab, node, packages.webgpu as string])
      expect(page).toContain(text);
    expect(page).not.toMatch(/NaN|undefined|Infinity|<script/);
  });

  it('fits on a telephone, where the plots for wide pages are not shown', async () => {
    const browser = await chromium.launch(await chromeForTests());
    try {
      const tab = await browser.newPage({ viewport: { width: 360, height: 740 } });
      await tab.setContent(page);
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(360);
      expect(await tab.locator('.narrow svg >> visible=true').count()).toBe(10);
      expect(await tab.locator('.broad svg >> visible=true').count()).toBe(0);
      await tab.setViewportSize({ width: 1280, height: 800 });
      expect(await tab.locator('.broad svg >> visible=true').count()).toBe(10);
    } finally {
      await browser.close();
    }
  });
});

describe('what a sweep leaves out or refuses', () => {
  it('refuses, before anything is measured, a value that the model does not have', async () => {
    await expect(run(parseSweeps('tokens=8,layers=7'))).rejects.toThrow(/--sweep layers=7: with demo .*from 0 to 6/);
    await expect(run(parseSweeps('context=505'))).rejects.toThrow(/--sweep context=505: .*from 21 to 504/);
  });

  it('headlines the fewest sequences at once that are as fast as any', () => {
    const finding = (rates: readonly number[]) =>
      VIEWS.batch.finding(rates.map((rate, i) => ({ value: 8 ** i, tokens_per_second: rate }) as Row));
    expect(finding([100, 410, 416])).toEqual([
      '4.10 ×',
      'the tokens a second of 1 sequence, with 8 at once; flat from there to 64',
    ]);
    expect(finding([100, 400, 900])).toEqual(['9.00 ×', 'the tokens a second of 1 sequence, with 64 at once']);
    expect(finding([100, 500, 300])).toEqual(['5.00 ×', 'the tokens a second of 1 sequence, with 8 at once']);
    expect(finding([100])).toBeUndefined();
  });

  it('leaves out, with the reason on the page, what a slow adapter would take seconds for', async () => {
    // 16 rows are 40 million operations forward, and twice as many in training.
    const device = await testDevice();
    if (!device.caps.isSoftware) return;
    const { rows, turns } = await run(parseSweeps('tokens=16'), { gflops: 0.012, rounds: 1 });
    const [forward, training] = rows as [Row, Row];
    expect(forward.skipped).toBeUndefined();
    expect(training).toMatchObject({ ms: null, value: 16, line: 'training pass' });
    expect(training.skipped).toMatch(/^at least 6\.\d s on this software adapter; --all runs it$/);
    expect(turns.at(-1)?.slice(0, 2)).toEqual([6, 6]);
    const pageOf = (shown: readonly Row[]) =>
      sweepPage({ environment: environmentOf('slow', [], null, '.'), model: 'demo', rows: shown });
    const leftOut = `Left out: training pass at 16: ${training.skipped}.`;
    expect(pageOf(rows)).toContain(leftOut);
    const empty = pageOf([training]);
    expect(empty).toContain(leftOut);
    expect(empty).not.toMatch(/<figure|NaN|Infinity/);
  });
});
