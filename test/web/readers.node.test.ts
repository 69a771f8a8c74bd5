import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { repositoryPath } from '../setup/files.ts';
import { useApp } from './harness.ts';

const app = useApp();

const goldenFile = (compression: string) =>
  readFileSync(repositoryPath(`test/golden/data/gsm8k-${compression}.parquet`));

/** The file as if its pages were Brotli's: the number of the codec (gzip 2, Brotli 4) follows each column's name. */
function asBrotli(gzip: Buffer): Buffer {
  const bytes = Buffer.from(gzip);
  for (const column of ['question', 'answer']) {
    const field = Buffer.from(`${column}\u0015\u0004`);
    const at = bytes.indexOf(field);
    expect(at).toBeGreaterThan(0);
    bytes[at + field.length - 1] = 8;
  }
  return bytes;
}

describe('what the built app has of its libraries', () => {
  it('reads Parquet in snappy, zstd and gzip, and says how to write a file again that is in Brotli', async () => {
    await using tab = await app.open();
    await tab.modelReady();
    for (const compression of ['snappy', 'zstd', 'gzip', 'none']) {
      const { count, first } = await tab.page.evaluate((base64) => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        return globalThis.engineForTests().training.preview(new File([bytes], 'some.parquet'), {});
      }, goldenFile(compression).toString('base64'));
      expect(count).toBe(2);
      expect(first[1]).toMatchObject({ question: 'Was kosten 3 Äpfel zu 4 €? 🍎', answer: '12' });
    }
    await tab.page.check('[name=data][value=files]');
    await tab.page.setInputFiles('input[type=file][name=data]', {
      name: 'packed.parquet',
      mimeType: 'application/octet-stream',
      buffer: asBrotli(goldenFile('gzip')),
    });
    await tab.page.waitForSelector('.file .problem');
    expect(await tab.page.textContent('.file .problem')).toMatch(
      /^packed\.parquet cannot be read as Parquet: its pages are compressed with Brotli, .* zstd or gzip, or as JSON lines\.$/,
    );
    tab.expectQuiet();
  });

  it('judges what is not spelt alike, in a worker of its own', async () => {
    await using tab = await app.open('steer');
    await tab.modelReady();
    const judges: string[] = [];
    tab.page.context().on('request', (request) => {
      if (request.url().includes('judge_worker')) judges.push(request.url());
    });
    const verdicts = await tab.page.evaluate(async () => {
      const { steer } = globalThis.engineForTests();
      const { proxy } = (globalThis as unknown as { Comlink: typeof import('comlink') }).Comlink;
      const seen: { extracted: string | null; correct: boolean }[] = [];
      // Nothing is said about how good the model is: what it answers is the gold answer of the second time.
      let gold = '\\frac{1}{2}';
      for (let i = 0; i < 2; i++) {
        const { columns } = await steer.generate(
          {
            run: i,
            columns: ['base'],
            input: {
              kind: 'question',
              format: 'qa',
              question: 'Ada has 3 pens and buys 4. How many pens are there?',
            },
            strength: 1,
            layers: [],
            temperature: 0,
            topK: 0,
            topP: 1,
            seed: 1,
            maxNewTokens: 96,
            gold,
          },
          proxy(() => undefined),
        );
        const verdict = columns.base?.verdict;
        if (verdict) seen.push({ extracted: verdict.extracted, correct: verdict.correct });
        gold = `\\frac{${2 * Number(verdict?.extracted)}}{2}`;
      }
      return seen;
    });
    expect(verdicts.map(({ correct }) => correct)).toEqual([false, true]);
    tab.expectQuiet();
    expect(judges.length).toBeGreaterThan(0);
  });
});
