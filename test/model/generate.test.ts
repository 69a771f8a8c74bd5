import { afterAll, describe, expect, it } from 'vitest';
import type { Counts } from '../../src/gpu/counters.ts';
import { type Completion, type GenerationRequest, generate } from '../../src/model/generate.ts';
import { cacheRowBytes } from '../../src/model/row_capacity.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { goldenJson } from '../setup/golden.ts';

interface Greedy {
  prompt: string;
  prompt_ids: number[];
  completion_ids: number[];
}

const device = await testDevice();
const lm = await demoModel(device);
const cases = await goldenJson<Greedy[]>('demo-greedy');
const options = { seed: 7, eosIds: lm.eosIds };

afterAll(() => device.destroy());

function sampled(prompts: readonly number[], k: number, maxNewTokens = 24): GenerationRequest[] {
  return prompts.map((p) => ({
    prompt: cases[p]?.prompt_ids as number[],
    maxNewTokens,
    completions: Array.from({ length: k }, (_, completion) => ({
      sampling: { temperature: 1 },
      key: { step: 3, prompt: p, completion },
    })),
  }));
}

const ids = (results: { ids: number[] }[][]) => results.map((group) => group.map((completion) => completion.ids));

describe('generation', () => {
  it('continues greedily as transformers does, token for token', async () => {
    const requests = cases.map((x) => ({
      prompt: x.prompt_ids,
      maxNewTokens: 72,
      completions: [{ sampling: { temperature: 0 }, key: { step: 0, prompt: 0, completion: 0 } }],
    }));
    const results = await generate(lm.model, requests, options);
    expect(results.map((r) => r[0]?.ids)).toEqual(cases.map((x) => x.completion_ids));
  });

  it('tokenizes prompts as the reference does', () => {
    for (const { prompt, prompt_ids } of cases) expect(lm.tokenizer.encode(prompt)).toEqual(prompt_ids);
  });

  it('samples the same tokens whatever shares the batch, in whatever order', async () => {
    const together = await generate(lm.model, sampled([0, 1, 2], 5), options);
    const narrow = await generate(lm.model, sampled([0, 1, 2], 5), { ...options, maxRows: 3, maxPromptRows: 1 });
    const reversed = await generate(lm.model, sampled([2, 1, 0], 5), options);
    const alone = await generate(lm.model, sampled([1], 5), options);
    expect(ids(narrow)).toEqual(ids(together));
    expect(ids(reversed).reverse()).toEqual(ids(together));
    expect(ids(alone)[0]).toEqual(ids(together)[1]);
    expect(together.flat().map((x) => x.logp)).toEqual(narrow.flat().map((x) => x.logp));
  });

  it('goes by the seed: the same gives the same, another gives others', async () => {
    const first = ids(await generate(lm.model, sampled([0, 1], 4), options));
    expect(ids(await generate(lm.model, sampled([0, 1], 4), options))).toEqual(first);
    expect(ids(await generate(lm.model, sampled([0, 1], 4), { ...options, seed: 8 }))).not.toEqual(first);
  });

  it('ends at the cap, at the context and at a stop condition, and says which', async () => {
    const [group] = await generate(lm.model, sampled([0], 3, 2), options);
    for (const completion of group ?? []) {
      expect(completion.ids.length).toBeLessThanOrEqual(2);
      const last = completion.ids.at(-1) as number;
      expect(completion.finishReason).toBe(lm.eosIds.includes(last) ? 'stop' : 'length');
    }
    const [stopped] = await generate(lm.model, sampled([0], 1), { ...options, shouldStop: (so) => so.length === 1 });
    expect(stopped?.[0]).toMatchObject({ finishReason: 'stop' });
    expect(stopped?.[0]?.ids).toHaveLength(1);
  });

  it('creates no buffer, pipeline or bind group in a hundred passes after the first two', async () => {
    const readbacks: Counts[] = [];
    const run = () => {
      readbacks.length = 0;
      return generate(lm.model, sampled([0], 4, 102), {
        ...options,
        eosIds: [],
        maxPasses: 1,
        onProgress: () => readbacks.push(device.counters.snapshot()),
      });
    };
    await run();
    // The first readback has the prompt's token alone.
    const [warm, last] = [readbacks[1], readbacks.at(-1)] as [Counts, Counts];
    expect(last).toMatchObject({ buffers: warm.buffers, pipelines: warm.pipelines, bindGroups: warm.bindGroups });
    expect(readbacks).toHaveLength(102);
    expect(last.readbacks - warm.readbacks).toBe(100);
    await run();
    const again = readbacks.at(-1) as Counts;
    expect(again).toMatchObject({ buffers: last.buffers, pipelines: last.pipelines, bindGroups: last.bindGroups });
  });

  it('draws the same whenever tokens are read, and reads less often where nothing ends', async () => {
    const requests = sampled([0, 1], 6, 40);
    const run = async (maxPasses?: number) => {
      const before = device.counters.snapshot();
      const results = await generate(lm.model, requests, { ...options, ...(maxPasses && { maxPasses }) });
      return { results, readbacks: device.counters.since(before).readbacks };
    };
    const each = await run(1);
    for (const maxPasses of [2, 7, 32]) {
      const several = await run(maxPasses);
      expect(several.results).toEqual(each.results);
      expect(several.readbacks).toBeLessThan(each.readbacks);
    }
  });

  it('refuses a prompt that fills the context, by its length', async () => {
    const prompt = new Array(lm.model.maxPositions).fill(5);
    const request = {
      prompt,
      maxNewTokens: 1,
      completions: [{ sampling: { temperature: 0 }, key: { step: 0, prompt: 0, completion: 0 } }],
    };
    await expect(generate(lm.model, [request], options)).rejects.toThrow(
      /prompt 1 is 512 tokens long and the context holds 512/,
    );
  });

  it('refuses a cache that cannot hold one sequence, by its bytes', async () => {
    await expect(generate(lm.model, sampled([0], 1), { ...options, cacheBytes: 4096 })).rejects.toThrow(/bytes a row/);
  });

  it('keeps keys and values in half the bytes where f16 is asked for, and stays near', async () => {
    const row = cacheRowBytes(lm.model.config, 'f32');
    expect(cacheRowBytes(lm.model.config, 'f16')).toBe(row / 2);
    const requests = sampled([0], 2, 8);
    const least = ((requests[0] as GenerationRequest).prompt.length + 8) * row;
    const small = { ...options, eosIds: [], cacheBytes: least / 2 };
    await expect(generate(lm.model, requests, small)).rejects.toThrow(/bytes a row/);
    const [whole] = await generate(lm.model, requests, { ...options, eosIds: [] });
    const [half] = await generate(lm.model, requests, { ...small, kvCacheDtype: 'f16' });
    const [a, b] = [whole?.[0], half?.[0]] as [Completion, Completion];
    // From the first token that differs on the texts are different ones.
    const same = a.ids.findIndex((id, i) => id !== b.ids[i]);
    const differences = a.logp.slice(0, same < 0 ? 8 : same).map((x, i) => Math.abs(x - (b.logp[i] as number)));
    expect(differences.length).toBeGreaterThan(1);
    expect(Math.max(...differences)).toBeLessThan(0.02);
    expect(Math.max(...differences)).toBeGreaterThan(0);
  });

  it('stops when aborted, and gives every buffer back', async () => {
    const before = device.arena.live();
    const controller = new AbortController();
    const run = generate(lm.model, sampled([0, 1], 4), {
      ...options,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
    expect(device.arena.live()).toEqual(before);
  });
});
