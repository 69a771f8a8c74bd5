import { afterAll, describe, expect, it } from 'vitest';
import { readFile } from '#platform';
import { asker } from '../../src/eval/ask.ts';
import { parseProblems } from '../../src/eval/data.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import { builtinReward, type RewardFunction } from '../../src/eval/rewards.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { parseSafetensors } from '../../src/model/safetensors.ts';
import { parseTrainConfig, type TrainConfig } from '../../src/train/config.ts';
import { runExperiment } from '../../src/train/experiment.ts';
import { memoryStore, RUN_FILES, type RunStore } from '../../src/train/rundir.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';

const device = await testDevice();
const lm = await demoModel(device);
const problems = parseProblems(
  new TextDecoder().decode(await readFile('models/demo/problems-train.jsonl')),
  'problems-train.jsonl',
).slice(0, 40);
const base = {
  model: 'models/demo',
  max_steps: 4,
  num_prompts: 2,
  num_generations: 3,
  max_completion_length: 12,
  learning_rate: 0.03,
  seed: 5,
  save_steps: 2,
};
/** Rewards length, so that short completions already teach something. */
const byLength: RewardFunction = ({ completion }) => completion.length;

afterAll(() => device.destroy());

async function train(
  store: RunStore,
  given: Partial<TrainConfig> = {},
  more: {
    resume?: boolean;
    problems?: typeof problems;
    heldOut?: typeof problems;
    reward?: RewardFunction;
    signal?: AbortSignal;
    onStep?: () => void;
  } = {},
) {
  return runExperiment({
    lm,
    config: parseTrainConfig({ ...base, ...given }, 'the test'),
    store,
    encode: asker(lm, PRESETS.qa),
    stop: [],
    reward: more.reward ?? byLength,
    rewardName: 'length',
    trainProblems: more.problems ?? problems,
    testProblems: more.heldOut ?? problems.slice(0, 3),
    resume: more.resume ?? false,
    now: () => performance.now(),
    signal: more.signal,
    on: { step: () => more.onStep?.() },
  });
}

const bytes = async (store: RunStore, name: string) => Array.from((await store.read(name)) ?? []);
const text = async (store: RunStore, name: string) => new TextDecoder().decode(await store.read(name));

describe('a run', () => {
  it('moves the vectors, and two runs with one seed write the same bytes', async () => {
    const [a, b, other] = [memoryStore(), memoryStore(), memoryStore()];
    const result = await train(a);
    await train(b);
    await train(other, { seed: 6 });
    expect(result.lens.some((layer) => layer.norm > 0.01)).toBe(true);
    expect(await bytes(b, RUN_FILES.steering)).toEqual(await bytes(a, RUN_FILES.steering));
    expect(await text(b, RUN_FILES.completions)).toBe(await text(a, RUN_FILES.completions));
    expect(await bytes(other, RUN_FILES.steering)).not.toEqual(await bytes(a, RUN_FILES.steering));
  });

  it('interrupted in the middle and resumed, writes the bytes of one that was not', async () => {
    const [whole, parts] = [memoryStore(), memoryStore()];
    await train(whole);
    const controller = new AbortController();
    let steps = 0;
    const interrupted = train(
      parts,
      {},
      { signal: controller.signal, onStep: () => ++steps === 3 && controller.abort(new Error('Ctrl-C')) },
    );
    await expect(interrupted).rejects.toThrow('Ctrl-C');
    await train(parts, {}, { resume: true });
    expect(await bytes(parts, RUN_FILES.steering)).toEqual(await bytes(whole, RUN_FILES.steering));
    expect(await text(parts, RUN_FILES.completions)).toBe(await text(whole, RUN_FILES.completions));
    expect((await text(parts, RUN_FILES.metrics)).split('\n')).toHaveLength(5);
  });

  it('killed after a checkpoint, drops what the logs have beyond it and comes to the same bytes', async () => {
    const [whole, killed] = [memoryStore(), memoryStore()];
    await train(whole);
    // A killed process saves nothing: the checkpoint of step 2 stays, and the logs may be ahead of it, torn.
    let frozen: RunStore | undefined;
    const store: RunStore = {
      ...killed,
      writeAtomic: (name, content) => (frozen ? Promise.resolve() : killed.writeAtomic(name, content)),
    };
    let steps = 0;
    const controller = new AbortController();
    const run = train(
      store,
      {},
      {
        signal: controller.signal,
        onStep: () => {
          steps++;
          if (steps < 3) return;
          frozen = killed;
          controller.abort(new Error('SIGKILL'));
        },
      },
    );
    await expect(run).rejects.toThrow('SIGKILL');
    await killed.append(RUN_FILES.metrics, '{"step": 3, "los');
    await train(killed, {}, { resume: true });
    expect(await bytes(killed, RUN_FILES.steering)).toEqual(await bytes(whole, RUN_FILES.steering));
    expect(await text(killed, RUN_FILES.completions)).toBe(await text(whole, RUN_FILES.completions));
  });

  it('writes what scripts read: summary, one row of metrics a step, a report', async () => {
    const store = memoryStore();
    await train(store, {}, { reward: builtinReward('random', 'boxed', 5) as RewardFunction });
    const summary = JSON.parse(await text(store, RUN_FILES.summary));
    for (const which of ['base', 'steered']) {
      for (const mode of ['sampled', 'greedy']) expect(summary[which][mode]).toMatchObject({ n: 3 });
    }
    expect(summary).toMatchObject({ seed: 5, steps: 4, adapter: device.caps.adapter });
    const rows = (await text(store, RUN_FILES.metrics))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map((row) => row.step)).toEqual([0, 1, 2, 3]);
    for (const row of rows) {
      expect(Math.abs(row['rewards/length/mean'])).toBeLessThanOrEqual(1);
      expect(row['sampling/sampling_logp_difference/max']).toBeLessThan(1e-4);
      expect(row.grad_norm).toBeGreaterThanOrEqual(0);
    }
    expect(await text(store, RUN_FILES.report)).toMatch(/^<!doctype html>/i);
  });

  it('refuses to mix two runs in one folder, and to resume with another seed', async () => {
    const store = memoryStore('runs/x');
    await train(store, { max_steps: 1 });
    await expect(train(store)).rejects.toThrow(/already holds a run/);
    await expect(train(store, { seed: 9 }, { resume: true })).rejects.toThrow(/seed 5.*asks for 9/);
    await expect(train(memoryStore('runs/y'), {}, { resume: true })).rejects.toThrow(/nothing to resume/);
  });

  it('refuses a reward that is no number, naming the completion', async () => {
    const broken: RewardFunction = () => Number.NaN;
    await expect(train(memoryStore(), {}, { reward: broken })).rejects.toThrow(
      /reward length gave NaN for completion \d of prompt \d at step 0/,
    );
  });

  it('saves the step before, whole, when its log cannot be written', async () => {
    const [whole, full] = [memoryStore(), memoryStore()];
    await train(whole);
    let room = true;
    const store: RunStore = {
      ...full,
      append: (name, content) =>
        room ? full.append(name, content) : Promise.reject(new UserError('the disk is full')),
    };
    let steps = 0;
    const onStep = () => {
      steps++;
      room = steps < 3;
    };
    await expect(train(store, {}, { onStep })).rejects.toThrow('the disk is full');
    await train(full, {}, { resume: true });
    expect(await bytes(full, RUN_FILES.steering)).toEqual(await bytes(whole, RUN_FILES.steering));
  });

  it('measures again when it goes on for longer, and not when it does not', async () => {
    const store = memoryStore();
    await train(store, { max_steps: 1 });
    const steered = async () => JSON.parse(await text(store, 'eval-steered.json')).step;
    expect(await steered()).toBe(1);
    await train(store, { max_steps: 2 }, { resume: true });
    expect(await steered()).toBe(2);
  });

  it('measures the base again where other problems are held out', async () => {
    const store = memoryStore();
    await train(store, { max_steps: 1 });
    const heldOut = problems.slice(3, 6);
    const { examples } = await train(store, { max_steps: 2 }, { resume: true, heldOut });
    expect(examples.map(({ before }) => before.question)).toEqual(heldOut.map(({ question }) => question));
    expect(examples.map(({ after }) => after.question)).toEqual(heldOut.map(({ question }) => question));
  });

  it('refuses to go on with other problems', async () => {
    const store = memoryStore('runs/z');
    await train(store, { max_steps: 1 });
    await expect(train(store, {}, { resume: true, problems: problems.slice(1) })).rejects.toThrow(/other problems/);
  });

  it('refuses to save vectors that are no numbers', async () => {
    const store = memoryStore('runs/nan');
    await expect(train(store, { learning_rate: 1e38, steering_scale: 1e30 })).rejects.toThrow(/loss is|norm/);
    const { tensors } = parseSafetensors((await store.read(RUN_FILES.checkpoint)) as Uint8Array);
    expect(Array.from(tensors.get('steering')?.data as Float32Array).every(Number.isFinite)).toBe(true);
  });

  it.each([
    ['an infinite step', { learning_rate: 1e38 }],
    ['an epsilon that is 0 in f32', { adam_epsilon: 1e-50, layers: [1] }],
  ])('keeps the vectors of before after %s', async (_, given) => {
    const store = memoryStore();
    await expect(train(store, given)).rejects.toThrow('the updated vectors are no numbers');
    const bytes = await store.read(RUN_FILES.checkpoint);
    const { tensors } = parseSafetensors(bytes as Uint8Array);
    expect([...(tensors.get('steering')?.data ?? [1])].every((x) => Number(x) === 0)).toBe(true);
  });

  it('leaks no tensor', async () => {
    const before = device.arena.live();
    await train(memoryStore(), { max_steps: 1 });
    expect(device.arena.live()).toEqual(before);
  });
});
