import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Rollup } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { relativeError } from '../setup/golden.ts';
import { useApp } from './harness.ts';
import { type ParityNumbers, parityNumbers } from './parity_numbers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const app = useApp();
/** Two logits closer than this are as good as equal: f32 of products in another order. */
const ROUNDING = 1e-3;

let node: ParityNumbers;
let chrome: ParityNumbers;

beforeAll(async () => {
  node = await parityNumbers();
  chrome = await numbersOfChrome();
  const alike = JSON.stringify(node.steps) === JSON.stringify(chrome.steps);
  console.log(
    `Node on ${node.adapter}, Chrome on ${chrome.adapter}: five steps are ${alike ? '' : 'not '}equal to the bit.`,
  );
}, 300_000);

/** The same module, bundled for a page as the library is, on a page of the app's own origin. */
async function numbersOfChrome(): Promise<ParityNumbers> {
  const bundle = await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2023',
      minify: false,
      lib: { entry: join(root, 'test/web/parity_numbers.ts'), formats: ['es'], fileName: 'parity' },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  const [script] = (bundle as Rollup.RollupOutput[])[0]?.output ?? [];
  if (!script) throw new Error('the bundle is empty');
  const context = await app.browser.newContext();
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => console.log(error.stack));
    await page.route('**/parity', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
    await page.route('**/parity.js', (route) => route.fulfill({ contentType: 'text/javascript', body: script.code }));
    await page.route('**/test/golden/*', async (route) => {
      await route.fulfill({ body: await readFile(join(root, new URL(route.request().url()).pathname)) });
    });
    await page.goto(`${app.url}parity`);
    // A text: Vitest would rewrite an import in a function.
    return await page.evaluate<ParityNumbers>(`import('/parity.js').then(({ parityNumbers }) => parityNumbers())`);
  } finally {
    await context.close();
  }
}

describe('Chrome and Node, with one seed on one kind of adapter', () => {
  it('give the same gradient of the same rollouts', () => {
    expect(relativeError(chrome.replayed.gradient, node.replayed.gradient)).toBeLessThan(1e-5);
    expect(relativeError(chrome.replayed.logp, node.replayed.logp)).toBeLessThan(1e-5);
    expect(Math.abs(chrome.replayed.loss - node.replayed.loss)).toBeLessThan(1e-6);
  });

  it('take the same tokens until two logits are as good as equal', () => {
    expect(node.greedy).toHaveLength(6);
    for (const [i, { ids, ahead }] of node.greedy.entries()) {
      const other = chrome.greedy[i]?.ids ?? [];
      const parts = ids.findIndex((id, at) => id !== other[at]);
      if (parts >= 0) expect(ahead[parts], `problem ${i}, token ${parts}`).toBeLessThan(ROUNDING);
      else expect(other).toHaveLength(ids.length);
    }
  });

  const onePackage = !process.env.TRIMTAB_CHROME;
  it.runIf(onePackage)('train to the same bytes where both run on the SwiftShader of one package', ({ skip }) => {
    skip(![node, chrome].every(({ adapter }) => /swiftshader/i.test(adapter)), 'other adapters round otherwise');
    expect(node.steps.completions.split('\n')).toHaveLength(5 * 3 * 8 + 1);
    expect(node.steps.steering.every((x) => Number.isFinite(x) && x !== 0)).toBe(true);
    expect(chrome.steps.completions).toBe(node.steps.completions);
    expect(chrome.steps).toEqual(node.steps);
  });
});
