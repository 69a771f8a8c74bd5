import { afterAll, describe, expect, it } from 'vitest';
import { readFile } from '#platform';
import { asker } from '../../src/eval/ask.ts';
import { parseProblems } from '../../src/eval/data.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import type { RewardFunction } from '../../src/eval/rewards.ts';
import { parseTrainConfig, type TrainConfigInput } from '../../src/train/config.ts';
import { runExperiment } from '../../src/train/experiment.ts';
import { PreferenceOptimization } from '../../src/train/methods/dpo.ts';
import type { MethodOptions, StepOutcome, StepRun } from '../../src/train/methods/method.ts';
import { SupervisedFineTuning } from '../../src/train/methods/sft.ts';
import type { CompletionRow, EvaluationStep } from '../../src/train/rundir.ts';
import { memoryStore, RUN_FILES, type RunStore } from '../../src/train/rundir.ts';
import type { Example } from '../../src/train/traces.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden, goldenJson, relativeError } from '../setup/golden.ts';

const device = await testDevice();
const lm = await demoModel(device);
const encode = asker(lm, PRESETS.qa);
const problems = parseProblems(
  new TextDecoder().decode(await readFile('models/demo/problems-train.jsonl')),
  'problems-train.jsonl',
).slice(0, 24);
const base: TrainConfigInput = {
  max_steps: 3,
  num_prompts: 2,
  num_generations: 3,
  max_completion_length: 10,
  learning_rate: 0.03,
  seed: 5,
  save_steps: 0,
};
const byLength: RewardFunction = ({ completion }) => completion.length;

afterAll(() => device.destroy());

interface More {
  readonly resume?: boolean;
  readonly reward?: RewardFunction;
  readonly tests?: number;
  readonly examples?: readonly Example[];
  readonly stopAfter?: number;
}

/** A run, or the part of one up to a Ctrl-C after so many steps. */
async function train(store: RunStore, given: TrainConfigInput, more: More = {}) {
  const controller = new AbortController();
  let steps = 0;
  const run = runExperiment({
    lm,
    config: parseTrainConfig({ ...base, ...given }, 'the test'),
    store,
    encode,
    stop: [],
    reward: more.reward ?? byLength,
    rewardName: 'length',
    trainProblems: more.examples?.map(({ prompt }) => prompt.problem) ?? problems,
    testProblems: problems.slice(0, more.tests ?? 0),
    examples: more.examples,
    prompted:
      given.baseline_prompt === undefined ? undefined : { encode: asker(lm, PRESETS['user-assistant']), stop: [] },
    resume: more.resume ?? false,
    now: () => performance.now(),
    signal: controller.signal,
    on: { step: () => ++steps === more.stopAfter && controller.abort(new Error('Ctrl-C')) },
  });
  if (more.stopAfter === undefined) return run;
  await expect(run).rejects.toThrow('Ctrl-C');
  return undefined;
}

const text = async (store: RunStore, name: string) => new TextDecoder().decode(await store.read(name));
const rows = async <Row>(store: RunStore, name: string) =>
  (await text(store, name)).split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Row]));
const vectors = async (store: RunStore, name: string = RUN_FILES.steering) =>
  Array.from((await store.read(name)) ?? []);

/** The same run whole, and interrupted after a step and resumed: the bytes of both, which have to be equal. */
async function wholeAndResumed(given: TrainConfigInput, more: More = {}): Promise<RunStore> {
  const [whole, parts] = [memoryStore(), memoryStore()];
  await train(whole, given, more);
  await train(parts, given, { ...more, stopAfter: 1 });
  await train(parts, given, { ...more, resume: true });
  expect(await vectors(parts)).toEqual(await vectors(whole));
  expect(await text(parts, RUN_FILES.completions)).toBe(await text(whole, RUN_FILES.completions));
  return whole;
}

describe('several updates for each rollout', () => {
  it('are clipped from the second on, differ from one update, and resume to the same bytes', async () => {
    const one = memoryStore();
    await train(one, {});
    const two = await wholeAndResumed({ num_iterations: 2, epsilon: 0.01 });
    expect(await vectors(two)).not.toEqual(await vectors(one));
    const metrics = await rows<Record<string, number>>(two, RUN_FILES.metrics);
    expect(metrics.some((row) => (row['clip_ratio/region_mean'] as number) > 0)).toBe(true);
    const [plain] = await rows<Record<string, number>>(one, RUN_FILES.metrics);
    expect(plain).not.toHaveProperty('clip_ratio/region_mean');
  });

  it('take the divergence off the reward with kl_in_reward, as TRL’s RLOOTrainer', async () => {
    const store = memoryStore();
    const beta = 40;
    await train(store, { preset: 'rloo_trl', beta, max_steps: 2 });
    const metrics = await rows<{ kl: number }>(store, RUN_FILES.metrics);
    // The vectors are zero in the first step, and there policy and reference are the same.
    expect(metrics[0]?.kl).toBe(0);
    expect(Math.abs(metrics[1]?.kl as number)).toBeGreaterThan(1e-4);
    const advantagesOf = (step: number, all: readonly CompletionRow[]) => {
      const group = all.filter((row) => row.step === step).slice(0, 3);
      const plain = group.map((row) => row.reward - (group.reduce((a, b) => a + b.reward, 0) - row.reward) / 2);
      return { plain, got: group.map((row) => row.advantage) };
    };
    const all = await rows<CompletionRow>(store, RUN_FILES.completions);
    const [first, second] = [advantagesOf(0, all), advantagesOf(1, all)];
    expect(relativeError(first.got, first.plain)).toBeLessThan(1e-12);
    expect(relativeError(second.got, second.plain)).toBeGreaterThan(1e-4);
  });
});

describe('dynamic sampling', () => {
  /** Problems with an even index earn the same for every completion. */
  const dullWhereEven: RewardFunction = ({ problem, completionIndex }) =>
    problem.index % 2 === 0 ? 1 : completionIndex === 0 ? 1 : -1;

  it('replaces prompts whose completions all earn the same by the next ones, and resumes to the same bytes', async () => {
    const given = { dynamic_sampling: true, max_resamples: 8, max_steps: 2 };
    const store = await wholeAndResumed(given, { reward: dullWhereEven });
    const completions = await rows<CompletionRow>(store, RUN_FILES.completions);
    expect(completions).toHaveLength(2 * 2 * 3);
    expect(completions.every((row) => row.problem % 2 === 1)).toBe(true);
    expect(new Set(completions.map((row) => row.problem)).size).toBe(4);
    const metrics = await rows<{ num_resampled: number; epoch: number }>(store, RUN_FILES.metrics);
    const resampled = metrics.reduce((sum, row) => sum + row.num_resampled, 0);
    expect(resampled).toBeGreaterThan(0);
    expect(metrics.at(-1)?.epoch).toBeCloseTo((4 + resampled) / problems.length, 12);
  });

  it('gives up after max_resamples rounds: what is dull then stays', async () => {
    const store = memoryStore();
    await train(store, { dynamic_sampling: true, max_resamples: 2, max_steps: 1 }, { reward: () => 1 });
    const [row] = await rows<Record<string, number>>(store, RUN_FILES.metrics);
    expect(row).toMatchObject({ num_resampled: 4, frac_reward_zero_std: 1, grad_norm: 0 });
  });
});

it('takes the soft overlong punishment off the reward, and not off the reward function’s own figures', async () => {
  const store = memoryStore();
  await train(store, { soft_punish_cache: 5, max_steps: 1 }, { reward: () => 1 });
  const [row] = await rows<Record<string, number>>(store, RUN_FILES.metrics);
  const completions = await rows<CompletionRow>(store, RUN_FILES.completions);
  for (const { tokens, reward } of completions) expect(reward).toBeCloseTo(1 - Math.max(0, tokens - 5) / 5, 12);
  expect(row?.['rewards/length/mean']).toBeCloseTo(1, 12);
  expect(row?.['rewards/soft_overlong_punishment/mean']).toBeLessThan(0);
});

describe('supervised methods', () => {
  const question = problems[0] as (typeof problems)[number];
  const prompt = encode(question);
  const ids = (words: string) => lm.tokenizer.encode(words);
  const trace = { prompt, completion: [...ids(' So the answer is 9.'), 0], cut: false };

  it('sft lowers the loss of its traces, and resumes to the same bytes', async () => {
    const store = await wholeAndResumed({ method: 'sft', num_prompts: 1 }, { examples: [trace, trace] });
    const losses = (await rows<{ loss: number }>(store, RUN_FILES.metrics)).map((row) => row.loss);
    expect(losses[2]).toBeLessThan(0.95 * (losses[0] as number));
    expect(JSON.parse(await text(store, RUN_FILES.summary))).toMatchObject({ method: 'sft', steps: 3 });
    expect(await text(store, RUN_FILES.report)).toContain('Loss');
  });

  it('dpo begins at ln 2 with margin 0, and widens the margin', async () => {
    const pair = { prompt, chosen: trace.completion, rejected: [...ids(' I do not know.'), 0] };
    const store = await wholeAndResumed({ method: 'dpo', num_prompts: 1 }, { examples: [pair, pair] });
    const metrics = await rows<Record<string, number>>(store, RUN_FILES.metrics);
    expect(metrics[0]?.loss).toBeCloseTo(Math.LN2, 6);
    expect(metrics[0]?.['rewards/margins']).toBe(0);
    expect(metrics[2]?.['rewards/margins']).toBeGreaterThan(0.01);
    expect(metrics[2]?.['rewards/accuracies']).toBe(1);
  });

  it('upft learns the first tokens of what the frozen model samples, whatever its vectors are by then', async () => {
    const given = { method: 'upft', prefix_length: 4, num_generations: 1, max_steps: 2 } as const;
    const store = await wholeAndResumed(given);
    const quick = memoryStore();
    await train(quick, { ...given, learning_rate: 1 });
    const samples = await rows<{ tokens: number }>(store, RUN_FILES.completions);
    expect(samples).toHaveLength(4);
    expect(Math.max(...samples.map((row) => row.tokens))).toBeLessThanOrEqual(4);
    expect(await text(quick, RUN_FILES.completions)).toBe(await text(store, RUN_FILES.completions));
    expect(await vectors(quick)).not.toEqual(await vectors(store));
  });

  it('leak no tensor', async () => {
    const before = device.arena.live();
    const pair = { prompt, chosen: trace.completion, rejected: [0] };
    await train(memoryStore(), { method: 'sft', max_steps: 1 }, { examples: [trace] });
    await train(memoryStore(), { method: 'dpo', max_steps: 1 }, { examples: [pair] });
    await train(memoryStore(), { num_iterations: 2, importance_sampling_level: 'sequence', max_steps: 1 });
    expect(device.arena.live()).toEqual(before);
  });
});

describe('the steps of SFT and DPO against PyTorch', async () => {
  interface Rollouts {
    groups: { prompt: string; prompt_ids: number[]; completions: { ids: number[] }[] }[];
  }
  const { groups } = await goldenJson<Rollouts>('rloo');
  const want = await golden('objectives');
  const { num_hidden_layers: layers, hidden_size: c } = lm.model.config;
  const prompts = groups.map((g) => ({ problem: question(g.prompt), text: g.prompt, ids: g.prompt_ids }));

  function question(words: string) {
    return { question: words, answer: '', index: 0, source: 'rloo.json' };
  }

  /** One step of a method on the recorded vectors: its loss, its row, and the gradient that it leaves. */
  async function step(
    make: (options: MethodOptions) => { step(run: StepRun): Promise<StepOutcome> },
    given: TrainConfigInput,
    examples: readonly Example[],
  ) {
    const recorded = await golden('rloo');
    const steering = device.upload(recorded.f32('steering'), [layers, c], 'f32', 'steering');
    const grad = device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'grad');
    const config = parseTrainConfig({ ...base, ...given, num_prompts: examples.length }, 'the test');
    const now = () => 0;
    const options = { lm, config, problems: [], encode, examples, reward: byLength, rewardName: 'none', stop: [], now };
    let gradient = new Float32Array();
    const { row } = await make(options).step({
      step: 0,
      steering: { tensor: steering, scale: 1 },
      target: { grad, layers: new Set(Array.from({ length: layers }, (_, l) => l)) },
      recompute: 'none',
      maxRows: 150,
      keptRows: 0,
      cacheBytes: 0,
      draw: (count) => Array.from({ length: count }, (_, i) => i),
      update: async (pass) => {
        const result = await pass();
        gradient = new Float32Array(await device.read(grad));
        return { pass: result, gradNorm: 0 };
      },
    });
    for (const tensor of [steering, grad]) device.arena.free(tensor);
    const common = { step: 0, epoch: 0, learningRate: 0, tokensBefore: 0, stepTime: 0 };
    return { row: row(common) as unknown as Record<string, number>, gradient };
  }

  it('SFT', async () => {
    const traces = groups.flatMap((g, i) =>
      g.completions.map(({ ids }) => ({ prompt: prompts[i] as (typeof prompts)[number], completion: ids, cut: false })),
    );
    const { row, gradient } = await step((o) => new SupervisedFineTuning(o), { method: 'sft' }, traces);
    expect(row.loss).toBeCloseTo(want.f32('loss.sft')[0] as number, 5);
    expect(relativeError(gradient, want.f32('grad.sft'))).toBeLessThan(1e-4);
  });

  it('DPO', async () => {
    const pairs = groups.map((g, i) => ({
      prompt: prompts[i] as (typeof prompts)[number],
      chosen: g.completions[0]?.ids as number[],
      rejected: g.completions[1]?.ids as number[],
    }));
    const { row, gradient } = await step((o) => new PreferenceOptimization(o), { method: 'dpo', dpo_beta: 0.3 }, pairs);
    expect(row.loss).toBeCloseTo(want.f32('loss.dpo')[0] as number, 5);
    expect(relativeError(gradient, want.f32('grad.dpo'))).toBeLessThan(1e-4);
    const rewards = Array.from(want.f32('rewards.dpo'));
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(row['rewards/chosen']).toBeCloseTo(mean(rewards.slice(0, 3)), 5);
    expect(row['rewards/rejected']).toBeCloseTo(mean(rewards.slice(3)), 5);
  });
});

describe('evaluation while training', () => {
  it('keeps the best vectors, stops early, and decides the same when it is resumed', async () => {
    const given = { eval_steps: 1, early_stopping_patience: 1, max_steps: 6, baseline_prompt: 'user-assistant' };
    const [whole, parts] = [memoryStore(), memoryStore()];
    const result = await train(whole, given, { tests: 2 });
    await train(parts, given, { tests: 2, stopAfter: 1 });
    const resumed = await train(parts, given, { tests: 2, resume: true });
    const evaluations = await rows<EvaluationStep>(whole, RUN_FILES.evaluations);
    expect(await rows<EvaluationStep>(parts, RUN_FILES.evaluations)).toEqual(evaluations);
    expect(await vectors(parts, RUN_FILES.best)).toEqual(await vectors(whole, RUN_FILES.best));
    const accuracies = evaluations.map((row) => row.greedy.accuracy);
    const best = accuracies.indexOf(Math.max(...accuracies));
    expect(result?.summary.best).toEqual(evaluations[best]);
    // One evaluation after the best one was enough.
    expect(evaluations).toHaveLength(best + 2);
    expect(result?.summary).toMatchObject({ stopped_early: true, steps: best + 2 });
    expect(resumed?.summary.steps).toBe(best + 2);
    expect(result?.summary.prompted?.greedy.n).toBe(2);
    expect(await text(whole, RUN_FILES.report)).toContain('prompted');
  });
});

it('moves a layer by its own learning rate, and no other', async () => {
  const [usual, slow] = [memoryStore(), memoryStore()];
  const a = await train(usual, { max_steps: 1 });
  const b = await train(slow, { max_steps: 1, layer_learning_rates: { 3: 0.003 } });
  const norms = (result: typeof a) => result?.lens.map((layer) => layer.norm) as number[];
  const ratio = norms(b).map((norm, l) => norm / (norms(a)[l] as number));
  expect(ratio[3]).toBeCloseTo(0.1, 4);
  for (const l of [0, 1, 2, 4, 5]) expect(ratio[l]).toBe(1);
});

it('adds up micro-batches of few tokens to nearly the same vectors', async () => {
  const [whole, cut] = [memoryStore(), memoryStore()];
  const a = await train(whole, { max_steps: 1 });
  const b = await train(cut, { max_steps: 1, max_tokens_per_microbatch: 40 });
  for (const [l, layer] of (a?.lens ?? []).entries()) {
    expect((b?.lens[l]?.norm as number) / layer.norm).toBeCloseTo(1, 4);
  }
});
