import { describe, expect, it } from 'vitest';
import { encodeSteering } from '../../src/model/steering.ts';
import { saveCheckpoint } from '../../src/train/checkpoint.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { readRun } from '../../src/train/read_run.ts';
import { memoryStore, RUN_FILES } from '../../src/train/rundir.ts';

const config = parseTrainConfig({ max_steps: 4, seed: 3 }, 'the test');
const row = (step: number) => JSON.stringify({ step, loss: 0.5 });

async function stored(files: Readonly<Record<string, string | Uint8Array>>) {
  const store = memoryStore('runs/one');
  await store.writeAtomic(RUN_FILES.config, JSON.stringify(config, null, 2));
  for (const [name, content] of Object.entries(files)) await store.writeAtomic(name, content);
  return store;
}

describe('readRun', () => {
  it('reads what a run has come to so far', async () => {
    const vectors = new Float32Array([1, 2, 3, 4]);
    const store = await stored({
      [RUN_FILES.metrics]: `${row(0)}\n${row(1)}\n`,
      [RUN_FILES.steering]: encodeSteering({ vectors, numLayers: 2, hiddenSize: 2, metadata: {} }),
    });
    await saveCheckpoint(store, {
      ...{ step: 2, seconds: 1, numTokens: 9, warmup: 1, model: 'm', problems: 'p', adapter: 'a', config },
      ...{ numLayers: 2, hiddenSize: 2, state: { vectors, expAvg: vectors, expAvgSq: vectors } },
    });
    const run = await readRun(store);
    expect(run.config).toEqual(config);
    expect(run.metrics.map(({ step }) => step)).toEqual([0, 1]);
    expect(run.steering?.vectors).toEqual(vectors);
    expect(run.checkpoint?.step).toBe(2);
    expect([run.completions, run.evaluations, run.base, run.summary]).toEqual([[], [], undefined, undefined]);
  });

  it('passes over a last line that a crash tore', async () => {
    const torn = new TextEncoder().encode(`${row(0)}\n{"step": 1, "prompt": "…`).slice(0, -1);
    const store = await stored({ [RUN_FILES.metrics]: torn });
    expect((await readRun(store)).metrics).toHaveLength(1);
  });

  it.each([
    [
      RUN_FILES.metrics,
      `${row(0)}\nnonsense\n`,
      /^runs\/one\/metrics\.jsonl:2: one JSON object on the line was expected/,
    ],
    [RUN_FILES.completions, '{"reward": 1}\n', /^runs\/one\/completions\.jsonl:1: a row with its step was expected/],
    [RUN_FILES.config, 'max_steps: 4\nseed: -1\n', /^runs\/one\/config\.json:2: seed is -1; expected a whole number/],
    [RUN_FILES.summary, '[1]', /^runs\/one\/summary\.json: one JSON object was expected/],
    [RUN_FILES.summary, '{"seconds": 1}', /^runs\/one\/summary\.json: steps should be a whole number/],
    [
      RUN_FILES.summary,
      '{"seconds": 1, "steps": 2, "base": 3}',
      /summary\.json: base should have a greedy and a sampled/,
    ],
    ['eval-base.json', '{"greedy": 5, "rows": []}', /^runs\/one\/eval-base\.json: greedy should be an accuracy/],
    ['eval-steered.json', '{"rows": [null]}', /^runs\/one\/eval-steered\.json: rows should be a list of objects/],
    [RUN_FILES.steering, 'no safetensors at all', /^runs\/one\/steering\.safetensors/],
    [RUN_FILES.checkpoint, 'no safetensors at all', /^runs\/one\/checkpoint\.safetensors/],
  ])('names the file and the line of a broken %s', async (name, content, message) => {
    await expect(readRun(await stored({ [name]: content }))).rejects.toThrow(message);
  });

  it('names what a folder holds that is no run folder', async () => {
    const store = memoryStore('holiday');
    await store.writeAtomic('beach.jpg', '');
    await expect(readRun(store)).rejects.toThrow(
      'holiday is no run folder: config.json was expected, found beach.jpg.',
    );
  });
});
