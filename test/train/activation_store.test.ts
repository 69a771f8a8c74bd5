import { afterAll, describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import type { Device } from '../../src/gpu/device.ts';
import { PIECE_KEYS } from '../../src/kernels/attention_pieces.ts';
import { type Completion, generate } from '../../src/model/generate.ts';
import { loadModel, type Model } from '../../src/model/model.ts';
import { pack } from '../../src/model/packing.ts';
import { openModelSource } from '../../src/model/source.ts';
import type { ModelSource } from '../../src/model/weight_table.ts';
import { ActivationStore, type ActivationStoreOptions } from '../../src/train/activation_store.ts';
import { type PolicyGroup, type PolicyOptions, policyPass } from '../../src/train/policy.ts';
import { sequenceLogps } from '../../src/train/sequence_logps.ts';
import { testDevice } from '../setup/device.ts';

const device = await testDevice();
afterAll(() => device.destroy());

async function open(on: Device, folder: string): Promise<Model> {
  const source = await openModelSource(await openFolder(folder));
  const model = await loadModel(on, source);
  await source.close();
  return model;
}

/** A model of f32 weights whose gates and ups are so many times as large. */
async function loudModel(times: number): Promise<Model> {
  const source = await openModelSource(await openFolder('test/golden/models/llama-f32-untied-gqa8'));
  const read: ModelSource['read'] = async (name, ...range) => {
    const bytes = await source.read(name, ...range);
    if (!/(gate|up)_proj/.test(name)) return bytes;
    const floats = new Float32Array(bytes.slice().buffer).map((x) => times * x);
    return new Uint8Array(floats.buffer);
  };
  const model = await loadModel(device, { ...source, read });
  await source.close();
  return model;
}

const K = 4;
const prompts = [
  [3, 5, 7, 9, 11],
  [2, 4, 6],
];

/** Samples with a store of so many rows, and takes gradients with what it kept and without. */
async function sampled(
  model: Model,
  {
    rows = 4096,
    layers,
    maxRows = 256,
    asked = prompts,
    ...options
  }: { rows?: number; layers?: number[]; maxRows?: number; asked?: number[][] } & ActivationStoreOptions = {},
) {
  const { num_hidden_layers: count, hidden_size: c } = model.config;
  const trained = new Set(layers ?? Array.from({ length: count }, (_, l) => l));
  const vectors = Float32Array.from({ length: count * c }, (_, i) =>
    trained.has(Math.floor(i / c)) ? 0.05 * Math.sin(i) : 0,
  );
  const steering = { tensor: device.upload(vectors, [count, c], 'f32', 'steering'), scale: 1 };
  const grad = device.upload(new Float32Array(count * c), [count, c], 'f32', 'grad');
  const target = { grad, layers: trained };
  const store = new ActivationStore(device, target, rows, options);
  const completions = await generate(
    model,
    asked.map((prompt, p) => ({
      prompt,
      maxNewTokens: 9 + 5 * p,
      completions: Array.from({ length: K }, (_, k) => ({
        sampling: { temperature: 0.9 },
        key: { step: 0, prompt: p, completion: k },
      })),
    })),
    // Fewer in flight than are asked for: the second prompt's completions enter one after the other.
    { seed: 1, eosIds: [1, 8, 13, 21], steering, keeper: store, maxRows: 6 },
  );
  const groups: PolicyGroup[] = completions.map((group, p) => ({
    prompt: asked[p] as number[],
    completions: group.map(({ ids }) => ids),
    // One of each group has none and is left out.
    advantages: group.map((_, k) => (k === 1 ? 0 : k - 1.5)),
    kept: group.map(({ kept }) => kept),
  }));
  const run = async (options: Partial<PolicyOptions>) => {
    device.write(grad, new Float32Array(count * c));
    const before = device.counters.dispatches;
    const result = await policyPass(model, groups, {
      steering,
      target,
      temperature: 0.9,
      beta: 0,
      lossType: 'dapo',
      maxCompletionLength: 14,
      recompute: 'none',
      maxRows,
      ...options,
    });
    const dispatches = device.counters.dispatches - before;
    return { ...result, gradient: await device.read(grad), dispatches };
  };
  const free = () => {
    store.dispose();
    for (const tensor of [steering.tensor, grad]) device.arena.free(tensor);
  };
  return { completions, groups, steering, run, store, free };
}

function largestDifference(completions: readonly (readonly Completion[])[], logp: PolicyResultLogp): number {
  let largest = 0;
  completions.forEach((group, g) => {
    group.forEach((completion, k) => {
      logp[g]?.[k]?.forEach((value, t) => {
        largest = Math.max(largest, Math.abs(value - (completion.logp[t] as number)));
      });
    });
  });
  return largest;
}
type PolicyResultLogp = Awaited<ReturnType<typeof policyPass>>['logp'];

describe.each([
  'models/demo',
  'test/golden/models/qwen2-bf16-untied-gqa3',
  'test/golden/models/llama-f16-untied-gqa1',
  'test/golden/models/qwen3-bf16-tied-headdim',
])("the gradient of %s out of its rollout's activations", (folder) => {
  it('has the bits of the gradient that runs the layers again', async () => {
    const model = await open(device, folder);
    const before = device.arena.live();
    const { completions, groups, run, store, free } = await sampled(model);
    expect(completions.flat().every(({ kept, ids }) => kept && kept.own.length >= ids.length - 1)).toBe(true);
    // Some of what a trained model says begins alike.
    if (folder === 'models/demo') expect(pack(groups).paths).toBeDefined();
    const again = await run({});
    const kept = await run({ store });
    expect(kept.gradient.some((x) => x !== 0)).toBe(true);
    expect(kept.gradient).toEqual(again.gradient);
    expect(kept.loss).toBe(again.loss);
    expect(kept.logp).toEqual(again.logp);
    expect(kept.dispatches).toBeLessThan(again.dispatches);
    expect(largestDifference(completions, kept.logp)).toBeLessThan(1e-4);
    free();
    expect(device.arena.live()).toEqual(before);
    model.dispose();
  });
});

describe('a store', () => {
  it.each([
    [PIECE_KEYS - 1, 0],
    [PIECE_KEYS, 1e-5],
    [PIECE_KEYS + 44, 1e-5],
  ])('gives the gradient of a prompt of %i tokens up to %f', async (length, most) => {
    const model = await open(device, 'models/demo');
    const asked = [Array.from({ length }, (_, i) => (37 * i + 11) % model.config.vocab_size)];
    const { run, store, free } = await sampled(model, { asked, maxRows: 512 });
    const [again, kept] = [await run({}), await run({ store })];
    const error = kept.gradient.map((x, i) => x - (again.gradient[i] as number));
    expect(Math.hypot(...error) / Math.hypot(...again.gradient)).toBeLessThanOrEqual(most);
    free();
    model.dispose();
  });

  it('keeps what lies above the lowest trained vector alone', async () => {
    const model = await open(device, 'models/demo');
    const { run, store, free } = await sampled(model, { layers: [3, 5] });
    const [again, kept] = [await run({ beta: 0.1 }), await run({ beta: 0.1, store })];
    expect(kept.gradient).toEqual(again.gradient);
    expect(kept.kl).toBe(again.kl);
    expect(kept.kl).toBeGreaterThan(0);
    free();
    model.dispose();
  });

  it('keeps what the model without vectors begins with, so that it runs from the lowest vector on and once', async () => {
    const model = await open(device, 'models/demo');
    const live = device.arena.live();
    const { groups, steering, run, store, free } = await sampled(model, { layers: [3, 5], reference: true });
    const beta = 0.1;
    const whole = await run({ beta, lowest: 3 });
    const [kept, without] = [await run({ beta, store }), await run({ store })];
    expect(kept.gradient).toEqual(whole.gradient);
    expect(kept.reference).toEqual(whole.reference);
    expect(kept.kl).toBe(whole.kl);
    expect(kept.kl).toBeGreaterThan(0);
    // Fewer than the least of a layer, six times: two of the six layers run.
    expect(kept.dispatches - without.dispatches).toBeLessThan(6 * 10);

    const next = await run({ beta, lowest: 3, reference: kept.reference });
    expect(next.gradient).toEqual(whole.gradient);
    expect(next.kl).toBe(whole.kl);
    expect(next.reference).toBe(kept.reference);
    expect(next.dispatches).toBeLessThan(whole.dispatches);

    const options = { temperature: 0.9, maxRows: 256 };
    for (const vectors of [steering, undefined]) {
      const again = await sequenceLogps(model, groups, { ...options, steering: vectors });
      const before = device.counters.dispatches;
      expect(await sequenceLogps(model, groups, { ...options, steering: vectors, store })).toEqual(again);
      expect(device.counters.dispatches - before).toBeLessThan(6 * 10);
    }
    free();
    expect(device.arena.live()).toEqual(live);
    model.dispose();
  });

  it.each([
    ['models/demo', 2e-3],
    ['test/golden/models/qwen2-bf16-untied-gqa3', 2e-3],
    ['test/golden/models/llama-f16-untied-gqa1', 2e-3],
  ])('of f16 changes no log-probability of %s, and the gradient by no more than %f', async (folder, most) => {
    const model = await open(device, folder);
    const { run, store, free } = await sampled(model, { dtype: 'f16' });
    const [again, kept] = [await run({}), await run({ store })];
    const norm = (x: Float32Array) => Math.hypot(...x);
    const error = kept.gradient.map((x, i) => x - (again.gradient[i] as number));
    expect(norm(error)).toBeGreaterThan(0);
    expect(norm(error) / norm(again.gradient)).toBeLessThan(most);
    expect(kept.logp).toEqual(again.logp);
    expect(kept.loss).toBe(again.loss);
    free();
    model.dispose();
  });

  it.each(['f16', 'f32'] as const)('of %s says whether it cannot hold what is too large for f16', async (dtype) => {
    const model = await loudModel(1e5);
    const { run, store, free } = await sampled(model, { dtype });
    const kept = await run({ store });
    expect(kept.beyond).toBe(dtype === 'f16');
    expect(kept.gradient.every(Number.isFinite)).toBe(true);
    expect((await run({})).beyond).toBe(false);
    free();
    model.dispose();
  });

  it('of f16 says nothing where all can be held', async () => {
    const model = await loudModel(1);
    const { run, store, free } = await sampled(model, { dtype: 'f16' });
    expect((await run({ store })).beyond).toBe(false);
    free();
    model.dispose();
  });

  it('that is too small leaves some completions to be computed again, in small micro-batches as in large ones', async () => {
    const model = await open(device, 'models/demo');
    for (const maxRows of [24, 256]) {
      const { completions, run, store, free } = await sampled(model, { rows: 70, maxRows });
      const all = completions.flat();
      expect(all.some(({ kept }) => kept)).toBe(true);
      expect(all.some(({ kept }) => !kept)).toBe(true);
      const [again, kept] = [await run({}), await run({ store })];
      const scale = Math.max(...again.gradient.map(Math.abs));
      const worst = Math.max(...kept.gradient.map((x, i) => Math.abs(x - (again.gradient[i] as number))));
      expect(worst / scale).toBeLessThan(1e-5);
      expect(kept.logp).toEqual(again.logp);
      free();
    }
    model.dispose();
  });

  it('loses nothing of the memory where the rollout fails', async () => {
    const model = await open(device, 'models/demo');
    const before = device.arena.live();
    const { num_hidden_layers: count, hidden_size: c } = model.config;
    const grad = device.upload(new Float32Array(count * c), [count, c], 'f32', 'grad');
    const store = new ActivationStore(device, { grad, layers: new Set([0]) }, 64);
    const request = {
      prompt: [1, 2],
      maxNewTokens: 4,
      completions: [{ sampling: { temperature: 1 }, key: { step: 0, prompt: 0, completion: 0 } }],
    };
    const failing = generate(model, [request], {
      seed: 0,
      eosIds: [],
      keeper: store,
      onProgress: () => {
        throw new Error('stopped');
      },
    });
    await expect(failing).rejects.toThrow('stopped');
    store.dispose();
    device.arena.free(grad);
    expect(device.arena.live()).toEqual(before);
    model.dispose();
  });
});
