import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromeForTests } from '../../src/gpu/swiftshader.node.ts';
import { decodeSteering } from '../../src/model/steering.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const INSTALL_MS = 300_000;
const RUN_MS = 300_000;

let folder: string;
let tarball: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimtab-package-'));
  // A copy without dependencies of its own: packing builds, and the tests beside this one use what is built already.
  const copy = join(folder, 'copy');
  const left = new Set(['node_modules', 'dist', '.git', 'runs', 'test', 'bench', 'docs']);
  mkdirSync(copy);
  for (const name of readdirSync(root)) {
    if (!left.has(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  cpSync(join(root, 'bench'), join(copy, 'bench'), { recursive: true });
  cpSync(join(root, 'test/cases'), join(copy, 'test/cases'), { recursive: true });
  cpSync(join(root, 'test/reference'), join(copy, 'test/reference'), { recursive: true });
  spawnSync('ln', ['-s', join(root, 'node_modules'), join(copy, 'node_modules')]);
  npm(copy, 'pack', '--pack-destination', folder);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) as string);
}, INSTALL_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function npm(cwd: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
}

/** An empty project with the packed package, and one of the example folders copied into it. */
function project(example: string, ...more: string[]): string {
  const at = join(folder, example);
  cpSync(join(root, 'examples', example), at, { recursive: true });
  if (!readdirSync(at).includes('package.json')) writeFileSync(join(at, 'package.json'), '{ "private": true }\n');
  npm(at, 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball, ...more);
  return at;
}

function node(cwd: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'trimtab/adapter', ...args], { cwd });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

describe('the packed package in an empty Node project', () => {
  let at: string;
  beforeAll(() => {
    at = project('node');
  }, INSTALL_MS);

  it(
    'streams an answer of the model that it brings',
    async () => {
      const { code, output } = await node(at, 'stream.mjs');
      expect(output).toMatch(/\w+/);
      expect(code).toBe(0);
    },
    RUN_MS,
  );

  it(
    'trains vectors with a reward of the caller’s, measures and reads them',
    async () => {
      const { code, output } = await node(at, 'train.mjs', '1');
      expect(output).toMatch(/step 0 {2}reward -?\d/);
      expect(output).toMatch(/greedy [\d.]+ -> [\d.]+ on 16 problems/);
      expect(output).toMatch(/layer 5 {2}norm 0\.\d\d/);
      expect(code).toBe(0);
      const file = decodeSteering(readFileSync(join(at, 'vectors.safetensors')), 'vectors');
      expect([file.numLayers, file.hiddenSize]).toEqual([6, 128]);
    },
    RUN_MS,
  );

  it('has types that a strict project accepts', () => {
    writeFileSync(
      join(at, 'typed.mts'),
      `import { folderStore, grade, loadModel, loadProblems, train } from 'trimtab';
       const model = await loadModel('demo');
       const run = await train(model, await loadProblems('p.jsonl'), { max_steps: 1 }, { store: await folderStore('run') });
       const norms: number[] = run.vectors.norms();
       for await (const piece of model.stream('Question:', { steering: run.vectors })) console.log(piece satisfies string, norms);
       export const device: GPUDevice = model.device.gpu;
       export const graded = await grade('\\\\boxed{4}', '4', 'boxed');\n`,
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', ''];
    const { stdout, status } = spawnSync(process.execPath, [tsc, ...options, 'typed.mts'], {
      cwd: at,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

describe('the packed package in an empty Vite project', () => {
  it(
    'streams and trains in a page',
    async () => {
      const at = project('vite', 'vite');
      npm(at, 'run', 'build');
      const server = await preview({ root: at, configFile: false, preview: { host: '127.0.0.1', port: 0 } });
      const browser = await chromium.launch(await chromeForTests());
      try {
        const page = await browser.newPage();
        page.setDefaultTimeout(RUN_MS);
        const complaints: string[] = [];
        page.on('pageerror', (error) => complaints.push(error.message));
        await page.goto(server.resolvedUrls?.local[0] as string);
        await page.waitForSelector('#train:not([disabled])');
        expect(await page.textContent('#answer')).toMatch(/\w/);
        await page.click('#train');
        await page.waitForFunction(() => document.getElementById('status')?.textContent === 'trained');
        expect(await page.locator('#steps li').count()).toBe(3);
        expect(await page.textContent('#steered')).toMatch(/\w/);
        expect(complaints).toEqual([]);
      } finally {
        await browser.close();
        await server.close();
      }
    },
    INSTALL_MS + RUN_MS,
  );
});
