import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderStore } from '../../src/cli/folder_store.ts';
import { isRollout } from '../../src/train/metrics.ts';
import { type RunRecord, readRun } from '../../src/train/read_run.ts';
import { RUN_FILES } from '../../src/train/rundir.ts';
import { type Tab, useApp } from './harness.ts';

/** A step on a software adapter beside other tests. */
const RUN_MS = 240_000;
const STEPS = 3;
/** Small enough for a software adapter; evaluated in the middle, so that the accuracy has a course. */
const SETTINGS = { max_steps: STEPS, num_prompts: 2, num_generations: 4, eval_size: 4, eval_steps: 2 };

const app = useApp();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trimtab-train-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function enter(page: Page, settings: Readonly<Record<string, number | string>>): Promise<void> {
  await page.waitForSelector('#start:enabled');
  await page.click('summary:text("All settings")');
  for (const group of await page.locator('.all > details > summary').all()) await group.click();
  for (const [name, value] of Object.entries(settings)) await page.fill(`[name=${name}]`, String(value));
}

async function start(page: Page, settings: Readonly<Record<string, number | string>>): Promise<void> {
  await enter(page, settings);
  await page.click('#start:enabled');
}

async function reaches(page: Page, phase: string): Promise<void> {
  await page.waitForSelector(`#status[data-phase=${phase}]`, { timeout: RUN_MS });
  expect(await page.locator('#problem').allTextContents()).toEqual([]);
}

/** A run that the page gives out as an archive, unpacked into a folder. */
async function unpacked(tab: Tab, into: string): Promise<{ path: string; names: string[]; run: RunRecord }> {
  const { name, bytes } = await tab.download(tab.page.getByRole('button', { name: 'Save as .zip' }));
  const files = unzipSync(bytes);
  const root = join(folder, into);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  const path = join(root, name.replace(/\.zip$/, ''));
  return {
    path,
    names: Object.keys(files).map((file) => file.split('/').at(-1) as string),
    run: await readRun(await folderStore(path, { mustExist: true })),
  };
}

/** What does not depend on the clock. */
function timeless({ metrics, completions, steering, evaluations, checkpoint }: RunRecord) {
  const rows = metrics.map((row) => Object.entries(row).filter(([name]) => !/_time$|per_second$/.test(name)));
  return { rows, completions, steering, evaluations, state: checkpoint?.state };
}

describe('training in the page', () => {
  it(
    'shows every step, keeps the files of a run folder, and goes on after a pause and a reload to the same bytes',
    async () => {
      await using tab = await app.open('train');
      const { page } = tab;
      await tab.modelReady();
      await start(page, SETTINGS);
      await reaches(page, 'finished');

      const chart = (name: string) => page.locator('section.chart-card', { has: page.getByRole('heading', { name }) });
      for (const name of ['Reward', 'Length', 'Entropy', 'Gradient', 'Speed']) {
        await chart(name).scrollIntoViewIfNeeded();
        const line = chart(name).locator('path.main');
        await expect.poll(async () => (await line.getAttribute('d'))?.match(/[ML]/g)?.length).toBe(STEPS);
      }
      await expect.poll(() => chart('Vectors').locator('path.many').count()).toBe(6);
      await chart('Accuracy').locator('summary').click();
      const course = await tab.rows(chart('Accuracy').locator('table'));
      expect(course.map(({ step }) => step)).toEqual(['0', '2', '3']);
      expect(course.every(({ greedy }) => /^\d+(\.\d)? %$/.test(greedy ?? ''))).toBe(true);
      expect(await page.locator('.stream article').count()).toBe(STEPS);
      expect(await page.locator('.stream article:first-child li').count()).toBe(SETTINGS.num_generations);
      expect(await page.locator('.bars .fill').count()).toBe(4);
      expect(await page.locator('.lens tbody tr').count()).toBe(6);
      expect(await page.locator('.examples article').count()).toBe(SETTINGS.eval_size);

      const whole = await unpacked(tab, 'whole');
      expect(whole.names.toSorted()).toEqual(
        [...Object.values(RUN_FILES), 'eval-base.json', 'eval-steered.json'].toSorted(),
      );
      expect(whole.run.metrics.filter(isRollout).map(({ step }) => step)).toEqual([0, 1, 2]);
      expect(whole.run.steering?.vectors.every((x) => Number.isFinite(x) && x !== 0)).toBe(true);
      expect(whole.run.summary?.steps).toBe(STEPS);

      await page.click('#close');
      await page.click('#start:enabled');
      await page.waitForSelector('.stream article', { timeout: RUN_MS });
      const refusal = page.evaluate(() =>
        engineForTests()
          .models.loadDemo()
          .then(String, (error: Error) => error.message),
      );
      expect(await refusal).toBe('The GPU is busy training: pause that first; loading a model can go on after it.');
      const shape = await page.evaluate(async () => {
        const current = await engineForTests().session.vectors;
        return [current?.name, current?.layers, current?.values.length];
      });
      expect(shape).toEqual(['demo-correct-seed0-2', 6, 6 * 128]);
      await page.click('#pause');
      await reaches(page, 'paused');
      expect(await page.textContent('#status')).toMatch(/^Paused after [12] of 3 steps/);
      await page.reload();
      await tab.modelReady();
      const row = page.locator('[data-run="demo-correct-seed0-2"]');
      expect(await row.textContent()).toMatch(/[12] of 3/);
      await row.getByRole('button', { name: 'Resume' }).click();
      await reaches(page, 'finished');
      expect(await page.locator('.stream article').count()).toBe(STEPS);
      const resumed = await unpacked(tab, 'resumed');
      expect(timeless(resumed.run)).toEqual(timeless(whole.run));

      await tab.expectNoSidewaysScroll();
      await tab.expectAccessible();
      await page.setViewportSize({ width: 360, height: 740 });
      await tab.expectNoSidewaysScroll();
      tab.expectQuiet();
    },
    2 * RUN_MS,
  );

  it(
    'opens a run folder of the command line, trains on, and names file and line of a broken one',
    async () => {
      const out = join(folder, 'node-run');
      const options = ['--steps', '1', '--num-prompts', '1', '--num-generations', '2', '--eval-size', '2'];
      await promisify(execFile)('node', [
        'bin/trimtab.js',
        'train',
        '--model',
        'models/demo',
        '--out',
        out,
        ...options,
      ]);

      await using tab = await app.open('train');
      const { page } = tab;
      await tab.modelReady();
      await page.setInputFiles('[name=run_folder]', out);
      await reaches(page, 'finished');
      expect(await page.textContent('#run-title')).toBe('node-run');
      expect(await page.locator('.stream li').count()).toBe(2);
      expect(await page.locator('.lens tbody tr').count()).toBe(6);
      await page.fill('[name=to_step]', '2');
      await page.click('#resume');
      await page.waitForSelector('.stream article:nth-child(2)', { timeout: RUN_MS });
      await reaches(page, 'finished');
      const { run } = await unpacked(tab, 'trained-on');
      expect(run.metrics.map(({ step }) => step)).toEqual([0, 1]);

      await writeFile(join(out, RUN_FILES.metrics), '{"step": 0}\nnonsense\n');
      await page.setInputFiles('[name=run_folder]', out);
      await page.waitForSelector('#problem');
      expect(await page.textContent('#problem')).toMatch(/^node-run\/metrics\.jsonl:2: one JSON object on the line/);
      expect(await page.locator('[data-run]').count()).toBe(1);
      tab.expectQuiet();
    },
    RUN_MS,
  );

  it('says at the field what is wrong with it, and shows the problems of a file with the line that is none', async () => {
    await using tab = await app.open('train');
    const { page } = tab;
    await tab.modelReady();
    await enter(page, { max_steps: 0 });
    const field = page.locator('.field', { has: page.locator('[name=max_steps]') });
    expect(await field.locator('.problem').textContent()).toBe(
      'max_steps is 0; expected a whole number of at least 1.',
    );
    expect(await page.isDisabled('#start')).toBe(true);
    await page.fill('[name=max_steps]', '');
    await page.fill('[name=layers]', '0-9');
    const layers = page.locator('.field', { has: page.locator('[name=layers]') });
    await layers.locator('.problem').waitFor();
    expect(await layers.locator('.problem').textContent()).toMatch(/the model has layers 0 to 5/);
    await page.fill('[name=layers]', '');

    const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
    await page.check('[name=data][value=files]');
    const sums = file('sums.csv', 'question,answer\nWhat is 1 + 1?,2\nWhat is 2 + 3?,5\n');
    await page.setInputFiles('input[type=file][name=data]', sums);
    await page.waitForSelector('.preview li');
    expect(await page.locator('.preview li').allTextContents()).toEqual([
      'What is 1 + 1? Answer: 2',
      'What is 2 + 3? Answer: 5',
    ]);

    // Looks at held-out problems that nobody asked for are left out where there are none; those that were typed are refused, in sight.
    await page.waitForSelector('#start:enabled');
    await page.check('[name=data][value=own]');
    await page.fill('[name=eval_steps]', '7');
    await page.click('summary:text("All settings")');
    await page.check('[name=data][value=files]');
    await page.setInputFiles('input[type=file][name=data]', sums);
    const looks = page.locator('.field', { has: page.locator('[name=eval_steps]') });
    await looks.locator('.problem').waitFor();
    expect(await looks.locator('.problem').textContent()).toMatch(/no held-out problems to measure/);
    expect(await page.isDisabled('#start')).toBe(true);
    await page.fill('[name=eval_steps]', '');
    await page.waitForSelector('#start:enabled');

    await page.setInputFiles(
      'input[type=file][name=data]',
      file('sums.jsonl', '{"question": "1 + 1?", "answer": 2}\n{"question": "?"}\n'),
    );
    await page.waitForSelector('.file .problem');
    expect(await page.textContent('.file .problem')).toMatch(
      /^sums\.jsonl:2: an answer \(text or number\) was expected/,
    );
    tab.expectQuiet();
  });
});
