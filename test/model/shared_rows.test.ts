import { afterAll, describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/tape.ts';
import { DOMAIN } from '../../src/gpu/philox.ts';
import { Decoder } from '../../src/model/decoder.ts';
import { type GenerateOptions, type GenerationRequest, generate, type Sampling } from '../../src/model/generate.ts';
import { KVCache } from '../../src/model/kv_cache.ts';
import { ActivationStore } from '../../src/train/activation_store.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';

const device = await testDevice();
const lm = await demoModel(device);
const { model } = lm;
const options = { seed: 5, eosIds: lm.eosIds };
const prompts = [
  'Question: What is 2 + 3?\nAnswer:',
  'Question: Tom has 4 apples and eats 1.\nAnswer:',
  'Question:',
].map((text) => lm.tokenizer.encode(text));

afterAll(() => {
  model.dispose();
  device.destroy();
});

/** So many completions of each prompt, drawn as the settings say in turn. */
function requestsOf(k: number, maxNewTokens: number, settings: readonly Sampling[] = [{ temperature: 1 }]) {
  return prompts.map(
    (prompt, p): GenerationRequest => ({
      prompt,
      maxNewTokens: maxNewTokens + 3 * p,
      completions: Array.from({ length: k }, (_, completion) => ({
        sampling: settings[completion % settings.length] as Sampling,
        key: { step: 1, prompt: p, completion },
      })),
    }),
  );
}

async function run(requests: readonly GenerationRequest[], o: Partial<GenerateOptions> = {}) {
  let computed = 0;
  const results = await generate(model, requests, {
    ...options,
    ...o,
    onProgress: (_tokens, _finished, rows) => {
      computed = rows;
    },
  });
  const all = results.flat();
  const decoded = all.reduce((sum, { ids }) => sum + ids.length - 1, 0);
  const what = all.map(({ ids, logp, entropy, finishReason }) => ({ ids, logp, entropy, finishReason }));
  return { what, all, computed, decoded };
}

/** Different beginnings of `k` completions a prompt that a token was drawn after, the empty ones apart. */
function distinct(all: readonly { ids: readonly number[] }[], k: number): number {
  const beginnings = all.flatMap(({ ids }, i) =>
    ids.slice(1).map((_, t) => `${Math.floor(i / k)}: ${ids.slice(0, t + 1).join()}`),
  );
  return new Set(beginnings).size;
}

describe('completions with the same tokens', () => {
  it.each<[string, readonly Sampling[], Partial<GenerateOptions>]>([
    ['', [{ temperature: 1 }], {}],
    [' with top-k and top-p', [{ temperature: 0.7, topK: 20 }, { temperature: 1, topP: 0.8 }, { temperature: 0 }], {}],
    [' with many passes between readbacks, and no stop token', [{ temperature: 0.6 }], { maxPasses: 32, eosIds: [] }],
    [' with fewer in flight than are asked for', [{ temperature: 0.8 }], { maxRows: 7, maxPromptRows: 1 }],
    [' with ends that the GPU knows nothing of', [{ temperature: 0.8 }], { shouldStop: (ids) => ids.length % 7 === 0 }],
  ])('are computed as one, with the same bits as apart%s', async (_, settings, o) => {
    const requests = requestsOf(6, 20, settings);
    const apart = await run(requests, { ...o, shareRows: false });
    const shared = await run(requests, o);
    expect(shared.what).toEqual(apart.what);
    expect(apart.computed).toBe(apart.decoded);
    expect(shared.computed).toBeLessThan(shared.decoded);
    // Those that come later do not catch up with those that came before.
    if (o.maxRows) expect(shared.computed).toBeGreaterThanOrEqual(distinct(shared.all, 6));
    else expect(shared.computed).toBe(distinct(shared.all, 6));
  });

  it('take the rows of one where all are greedy', async () => {
    const requests = requestsOf(5, 20, [{ temperature: 0 }]);
    const { all, computed } = await run(requests);
    const firsts = prompts.map((_, p) => all[5 * p]?.ids ?? []);
    expect(computed).toBe(firsts.reduce((sum, ids) => sum + ids.length - 1, 0));
    all.forEach(({ ids }, i) => {
      expect(ids).toEqual(firsts[Math.floor(i / 5)]);
    });
  });

  it('have the rows that are kept for the gradient in common, with the same bits', async () => {
    const { num_hidden_layers: count, hidden_size: c } = model.config;
    const grad = device.upload(new Float32Array(count * c), [count, c], 'f32', 'grad');
    const steering = { tensor: grad, scale: 1 };
    const requests = requestsOf(6, 16, [{ temperature: 0.8 }]);
    const kept = async (shareRows: boolean) => {
      const store = new ActivationStore(device, { grad, layers: new Set([0, 2]) }, 2048);
      const { all } = await run(requests, { keeper: store, steering, shareRows });
      const rows = all.flatMap(({ kept, ids }) => kept?.own.slice(0, ids.length - 1) ?? [Number.NaN]);
      expect(rows).not.toContain(Number.NaN);
      const source = store.source(rows);
      const tape = new Tape(device);
      const values: Uint32Array[] = [];
      for (const place of [0, 1, 4, 9]) {
        const tensor = source.give(tape, place);
        values.push(await device.readU32(tensor));
        device.arena.free(tensor);
      }
      source.dispose();
      store.dispose();
      return { rows, values };
    };
    const [shared, apart] = [await kept(true), await kept(false)];
    device.arena.free(grad);
    expect(shared.values).toEqual(apart.values);
    expect(new Set(apart.rows).size).toBe(apart.rows.length);
    expect(new Set(shared.rows).size).toBeLessThan(shared.rows.length);
  });
});

describe('a pass of fewer rows than there are classes', () => {
  it('lets the last of them wait, and changes nothing that they draw', async () => {
    const [request] = requestsOf(6, 12) as [GenerationRequest];
    const { prompt, completions, maxNewTokens } = request;
    const { what } = await run([request], { eosIds: [] });
    const before = device.arena.live();
    const cache = new KVCache(model, prompt.length + 6 * maxNewTokens);
    const key = [options.seed, DOMAIN.SAMPLE] as const;
    const decoder = new Decoder(model, cache, { slots: 6, steering: undefined, stopIds: [], key, keeper: undefined });
    const prefix = { start: 0, length: prompt.length };
    const slots = completions.map((completion, i) => ({
      ...completion,
      prefix,
      ownStart: prompt.length + i * maxNewTokens,
      cap: maxNewTokens,
      ids: [],
    }));
    const prefills = [{ prompt, prefix, slots, cached: false }];
    decoder.load(slots, [0, 1, 2, 3, 4, 5], prefills);
    decoder.prefill(prefills);
    decoder.decode(3, 2);
    const early = await decoder.results();
    expect(slots.map((_, i) => early.length(i))).toEqual([4, 4, 1, 1, 1, 1]);
    // What the first pass drew was drawn from row 0 or 1.
    expect(early.at(1, 3)).toMatchObject({ pass: 3, row: 1, token: what[1]?.ids[3] });
    decoder.decode(2, 6);
    // The first two end after six passes more, and leave their rows to the next.
    decoder.decode(24, 2);
    const results = await decoder.results();
    slots.forEach((_, i) => {
      expect(results.length(i)).toBe(maxNewTokens);
      const drawn = Array.from({ length: maxNewTokens }, (_, t) => results.at(i, t));
      expect(drawn.map(({ token }) => token)).toEqual(what[i]?.ids);
      expect(drawn.map(({ logp }) => logp)).toEqual(what[i]?.logp);
      expect(drawn.map(({ entropy }) => entropy)).toEqual(what[i]?.entropy);
    });
    decoder.dispose();
    cache.dispose();
    expect(device.arena.live()).toEqual(before);
  });
});
