import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { asker } from '../../src/eval/ask.ts';
import { plainPass } from '../../src/eval/dump.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import type { Device } from '../../src/gpu/device.ts';
import { parseConfig } from '../../src/model/config.ts';
import { generate } from '../../src/model/generate.ts';
import { type LoadOptions, loadModel, type Model, weightBytes } from '../../src/model/model.ts';
import { openModelSource } from '../../src/model/source.ts';
import { parseTrainConfig, type TrainConfig, type TrainConfigInput } from '../../src/train/config.ts';
import { runExperiment } from '../../src/train/experiment.ts';
import { type MemoryPlan, planMemory } from '../../src/train/memory_plan.ts';
import { policyPass } from '../../src/train/policy.ts';
import { memoryStore } from '../../src/train/rundir.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { repositoryPath } from '../setup/files.ts';
import { relativeError } from '../setup/golden.ts';

async function open(device: Device, folder: string, options: LoadOptions = {}) {
  const source = await openModelSource(await openFolder(repositoryPath(folder)));
  const model = await loadModel(device, source, options);
  await source.close();
  return { source, model };
}

const given: TrainConfigInput = { num_prompts: 4, num_generations: 8, max_completion_length: 24 };
const settings = (more: TrainConfigInput = {}): TrainConfig => parseTrainConfig({ ...given, ...more }, 'the test');
const PROMPT = 40;

/** What the arena holds at the most during a step of the plan's size, besides what it held before. */
async function measured(
  device: Device,
  model: Model,
  config: TrainConfig,
  plan: MemoryPlan,
): Promise<{ rollout: number; pass: number }> {
  const { arena } = device;
  const prompt = Array.from({ length: PROMPT }, (_, i) => i + 1);
  const completion = (k: number) => Array.from({ length: config.max_completion_length }, (_, i) => 2 * i + 1 + k);
  const { num_hidden_layers: layers, hidden_size: c } = model.config;
  const zeros = () => device.upload(new Float32Array(layers * c), [layers, c]);
  const [vectors, grad] = [zeros(), zeros()];
  const steering = { tensor: vectors, scale: 1 };
  const peakOf = async (work: () => Promise<unknown>) => {
    arena.trim();
    arena.peakBytes = arena.allocatedBytes;
    const before = arena.allocatedBytes;
    await work();
    return arena.peakBytes - before;
  };
  const keys = (p: number) =>
    Array.from({ length: config.num_generations }, (_, k) => ({ step: 0, prompt: p, completion: k }));
  const rollout = await peakOf(() =>
    generate(
      model,
      Array.from({ length: config.num_prompts }, (_, p) => ({
        prompt,
        maxNewTokens: config.max_completion_length,
        completions: keys(p).map((key) => ({ sampling: { temperature: 1 }, key })),
      })),
      { seed: 0, eosIds: [], steering, cacheBytes: plan.cache },
    ),
  );
  const group = {
    prompt,
    completions: Array.from({ length: config.num_generations }, (_, k) => completion(k)),
    advantages: Array.from({ length: config.num_generations }, (_, k) => (k % 2 ? 1 : -1)),
  };
  const pass = await peakOf(() =>
    policyPass(
      model,
      Array.from({ length: config.num_prompts }, () => group),
      {
        steering,
        target: { grad, layers: new Set(Array.from({ length: layers }, (_, l) => l)) },
        temperature: 1,
        beta: 0,
        lossType: config.loss_type,
        maxCompletionLength: config.max_completion_length,
        recompute: plan.recompute,
        maxRows: plan.rows,
      },
    ),
  );
  for (const tensor of [vectors, grad]) arena.free(tensor);
  return { rollout, pass };
}

describe('the memory plan', () => {
  it('knows the bytes of the weights from the headers, in every type', async () => {
    const device = await testDevice();
    for (const folder of [
      'models/demo',
      'test/golden/models/llama-f32-untied-gqa8',
      'test/golden/models/qwen2-f16-tied-gqa8',
    ]) {
      for (const dtype of ['auto', 'f32', 'f16', 'bf16'] as const) {
        const { source, model } = await open(device, folder, { dtype });
        expect(weightBytes(source, { dtype }), `${folder} as ${dtype}`).toBe(model.bytes);
        model.dispose();
      }
    }
  });

  it.each([
    ['models/demo', 'none'],
    ['models/demo', 'layer'],
    ['test/golden/models/qwen3-bf16-tied-headdim', 'none'],
  ] as const)('is as large as a step of %s takes, to 5 in a hundred, with recompute %s', async (folder, recompute) => {
    const device = await testDevice({});
    const { source, model } = await open(device, folder);
    const config = settings({ recompute });
    const size = { config: source.config, weightBytes: weightBytes(source) };
    const plan = planMemory(size, config, PROMPT, device);
    const { rollout, pass } = await measured(device, model, config, plan);
    const planned = { rollout: plan.cache + plan.generation, pass: plan.activations[recompute] + plan.workspace };
    expect(rollout / planned.rollout, 'rollout').toBeGreaterThan(0.95);
    expect(rollout / planned.rollout, 'rollout').toBeLessThan(1.05);
    expect(pass / planned.pass, 'pass').toBeGreaterThan(0.95);
    expect(pass / planned.pass, 'pass').toBeLessThan(1.05);
  });

  it.each([
    ['f32', 0, 1],
    ['f16', 0.01, 1],
    ['f32', 0, 2],
  ] as const)(
    'is within 5 in a hundred of all that a run allocates, though its lengths vary from step to step: %s, beta %f, %i updates a rollout',
    async (dtype, beta, updates) => {
      const device = await testDevice({});
      const lm = { ...(await demoModel(device)), eosIds: [] };
      const problems = Array.from({ length: 8 }, (_, index) => ({
        question: 'How many?'.repeat(1 + (index % 3)),
        answer: '1',
        index,
        source: `x:${index}`,
      }));
      const config = settings({
        model: 'models/demo',
        max_steps: 3,
        save_steps: 0,
        activation_dtype: dtype,
        beta,
        num_iterations: updates,
      });
      const encode = asker(lm, PRESETS.qa);
      await runExperiment({
        lm,
        config,
        store: memoryStore(),
        encode,
        stop: [],
        reward: ({ completion }) => completion.length,
        rewardName: 'length',
        trainProblems: problems,
        testProblems: [],
        resume: false,
        now: () => performance.now(),
      });
      const longest = Math.max(...problems.map((problem) => encode(problem).ids.length));
      const plan = planMemory({ config: lm.model.config, weightBytes: lm.model.bytes }, config, longest, device);
      expect(device.arena.peakBytes / plan.total).toBeGreaterThan(0.95);
      expect(device.arena.peakBytes / plan.total).toBeLessThan(1.05);
    },
  );

  it('cuts the micro-batches until they fit the budget, and refuses what cannot fit, saying what would help', async () => {
    const { source, model } = await open(await testDevice(), 'models/demo');
    model.dispose();
    const size = { config: source.config, weightBytes: weightBytes(source) };
    const free = planMemory(size, settings(), PROMPT);
    const tight = planMemory(size, settings({ memory_budget: '16MiB', recompute: 'none' }), PROMPT);
    expect(tight.rows).toBeLessThan(free.rows);
    expect(tight.rows).toBeGreaterThanOrEqual(PROMPT + 24);
    expect(tight.total).toBeLessThanOrEqual(16 * 2 ** 20);
    const recomputed = planMemory(size, settings({ memory_budget: '16MiB', recompute: 'layer' }), PROMPT);
    expect(recomputed.rows).toBeGreaterThan(tight.rows);
    const refused = () => planMemory(size, settings({ memory_budget: '4MiB', recompute: 'none' }), PROMPT);
    expect(refused).toThrow(/needs \d\.\d MiB of GPU memory, and the memory budget is 4\.0 MiB: weights 2\.4 MiB/);
    expect(refused).toThrow(/Raise memory_budget \(--memory-budget\), or: .*set recompute to layer/);
  });

  it('recomputes layers only where a prompt with its completions does not fit otherwise, and keeps of rollouts what is left', async () => {
    const { source, model } = await open(await testDevice(), 'models/demo');
    model.dispose();
    const size = { config: source.config, weightBytes: weightBytes(source) };
    const [free, enough, tight] = [undefined, '40MiB', '6MiB'].map((memory_budget) =>
      planMemory(size, settings(memory_budget ? { memory_budget } : {}), PROMPT),
    ) as [MemoryPlan, MemoryPlan, MemoryPlan];
    expect([free.recompute, enough.recompute, tight.recompute]).toEqual(['none', 'none', 'layer']);
    // 4 prompts of 40 tokens, 32 completions of which 23 rows are taken in.
    expect(free.kept.rows).toBe(896);
    expect(free.kept.bytes).toBeGreaterThan(896 * 4 * 5 * (128 + 256 + 128 + 128 + 768));
    const halved = planMemory(size, settings({ activation_dtype: 'f16' }), PROMPT);
    expect(halved.kept.rows).toBe(896);
    expect(halved.kept.bytes / free.kept.bytes).toBeLessThan(0.53);
    expect(enough.kept.rows).toBeGreaterThan(64);
    expect(enough.kept.rows).toBeLessThan(896);
    expect(enough.total).toBeLessThanOrEqual(40 * 2 ** 20);
    expect(tight.kept).toEqual({ rows: 0, bytes: 0 });
    expect(planMemory(size, settings({ reuse_activations: 'off' }), PROMPT).kept.rows).toBe(0);
  });

  it('holds: a run within a budget that is barely enough ends well, and takes no more', async () => {
    const budget = 9 * 2 ** 20;
    const device = await testDevice({ memoryBudget: budget });
    const lm = await demoModel(device);
    const problems = Array.from({ length: 4 }, (_, index) => ({
      question: 'How many?',
      answer: '1',
      index,
      source: `x:${index}`,
    }));
    await runExperiment({
      lm,
      config: settings({ model: 'models/demo', memory_budget: budget, max_steps: 2, save_steps: 0 }),
      store: memoryStore(),
      encode: asker(lm, PRESETS.qa),
      stop: [],
      reward: ({ completion }) => completion.length,
      rewardName: 'length',
      trainProblems: problems,
      testProblems: problems,
      resume: false,
      now: () => performance.now(),
    });
    expect(device.arena.peakBytes).toBeLessThanOrEqual(budget);
    expect(device.arena.peakBytes).toBeGreaterThan(budget / 2);
  });

  it('keeps every tensor of a micro-batch within one binding', async () => {
    const config = parseConfig(
      {
        model_type: 'qwen2',
        tie_word_embeddings: true,
        hidden_size: 1536,
        intermediate_size: 8960,
        num_hidden_layers: 28,
        num_attention_heads: 12,
        num_key_value_heads: 2,
        head_dim: 128,
        vocab_size: 151936,
        max_position_embeddings: 32768,
      },
      'config.json',
    );
    const plan = planMemory(
      { config, weightBytes: 3e9 },
      settings({ num_prompts: 64, recompute: 'layer', max_completion_length: 512 }),
      200,
      { caps: { maxBinding: 128 * 2 ** 20 } },
    );
    expect(plan.rows * 2 * 8960 * 4).toBeLessThanOrEqual(128 * 2 ** 20);
    expect(plan.rows).toBeGreaterThanOrEqual(712);
    // The logits of all tokens never exist: everything together is smaller.
    expect(plan.workspace + plan.activations.layer).toBeLessThan(plan.rows * 151936 * 4);
  });
});

describe('weights kept in another type', () => {
  it('give logits as near as the type is', async () => {
    const device = await testDevice();
    const logits = async (dtype: 'f32' | 'f16' | 'bf16') => {
      const { model } = await open(device, 'test/golden/models/llama-f32-untied-gqa8', { dtype });
      const result = await plainPass(model, [1, 2, 3, 4, 5]);
      model.dispose();
      return result.logits;
    };
    const [full, half, brain] = [await logits('f32'), await logits('f16'), await logits('bf16')];
    expect(relativeError(half, full)).toBeLessThan(2e-3);
    expect(relativeError(brain, full)).toBeLessThan(2e-2);
    expect(relativeError(brain, full)).toBeGreaterThan(relativeError(half, full));
  });
});
