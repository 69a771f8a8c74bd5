import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/gpu/errors.ts';
import { metricsRow, type RolloutSample, type StepFigures } from '../../src/train/metrics.ts';
import {
  appendRows,
  memoryStore,
  RUN_FILES,
  refuseUsedFolder,
  rewindRows,
  rewindRun,
  writeSummary,
} from '../../src/train/rundir.ts';

const figures: StepFigures = {
  step: 3,
  epoch: 0.5,
  rewardName: 'correct',
  numGenerations: 2,
  loss: 0.1,
  entropy: 1.5,
  gradNorm: 2.5,
  learningRate: 0.03,
  tokensBefore: 100,
  decoded: { rows: 12, tokens: 16 },
  rolloutTime: 2,
  trainTime: 1,
  stepTime: 3.5,
};

const sample = (reward: number, completionTokens: number, clipped = false, logp: number[] = []): RolloutSample => ({
  reward,
  correct: reward > 0,
  completionTokens,
  promptTokens: 10,
  clipped,
  samplingLogp: logp,
  trainingLogp: logp.map((value, i) => value + (i === 0 ? 0.25 : 0)),
});

const text = async (store: ReturnType<typeof memoryStore>, name: string) =>
  new TextDecoder().decode(await store.read(name));

describe('metricsRow', () => {
  const samples = [sample(1, 4, false, [-1, -2]), sample(-1, 6, false, [-3, -4]), sample(-1, 8, true), sample(-1, 2)];
  const row = metricsRow(samples, figures);

  it('computes the figures as TRL does, worked by hand', () => {
    expect(row).toMatchObject({
      reward: -0.5,
      reward_std: Math.SQRT2 / 2,
      frac_reward_zero_std: 0.5,
      'rewards/correct/mean': -0.5,
      'rewards/correct/std': 1,
      accuracy: 0.25,
      'completions/mean_length': 5,
      'completions/min_length': 2,
      'completions/max_length': 8,
      'completions/clipped_ratio': 0.25,
      'rollout/distinct_rows': 0.75,
      'completions/mean_terminated_length': 4,
      num_tokens: 160,
      tokens_per_second: 10,
      'sampling/sampling_logp_difference/mean': 0.125,
      'sampling/sampling_logp_difference/max': 0.25,
    });
  });

  it('leaves kl out when nothing measured it, and writes no NaN for an empty step', () => {
    expect('kl' in row).toBe(false);
    expect(metricsRow(samples, { ...figures, kl: 0.2 }).kl).toBe(0.2);
    expect(Object.values(metricsRow([], { ...figures, rolloutTime: 0 })).every(Number.isFinite)).toBe(true);
  });

  it('shows a NaN in the log-probabilities instead of hiding it', () => {
    const spoiled = metricsRow([sample(1, 2, false, [Number.NaN, -1])], figures);
    expect(spoiled['sampling/sampling_logp_difference/max']).toBeNaN();
  });
});

describe('a run folder', () => {
  const log = (...steps: number[]) => steps.map((step) => `{"step":${step},"reward":0}\n`).join('');

  it('drops the rows that a resumed run writes again', async () => {
    const store = memoryStore();
    await store.append(RUN_FILES.metrics, log(0, 1, 2, 3));
    await store.append(RUN_FILES.completions, log(0, 0, 1, 1, 2, 2, 3));
    const { metrics, completions } = await rewindRun(store, 2);
    expect(metrics.map((row) => row.step)).toEqual([0, 1]);
    expect(completions).toBe(4);
    expect(await text(store, RUN_FILES.metrics)).toBe(log(0, 1));
    expect(await text(store, RUN_FILES.completions)).toBe(log(0, 0, 1, 1));
  });

  it.each(['{"step":2,"rew', '{"step":2', '{', '\0\0\0', '{"step":1'])(
    'drops a last line torn off as %j',
    async (torn) => {
      const store = memoryStore();
      await store.append(RUN_FILES.metrics, log(0, 1) + torn);
      await rewindRows(store, RUN_FILES.metrics, 2);
      await store.append(RUN_FILES.metrics, log(2));
      expect(await text(store, RUN_FILES.metrics)).toBe(log(0, 1, 2));
    },
  );

  it('gives a last row that only lost its newline the newline back', async () => {
    const store = memoryStore();
    await store.append(RUN_FILES.metrics, log(0, 1).trimEnd());
    await rewindRows(store, RUN_FILES.metrics, 2);
    expect(await text(store, RUN_FILES.metrics)).toBe(log(0, 1));
  });

  it('rewrites nothing when the log already ends at the checkpoint, and starts from nothing', async () => {
    const store = memoryStore();
    await store.append(RUN_FILES.metrics, log(0, 1));
    const writes: string[] = [];
    const watched = { ...store, writeAtomic: async (name: string) => void writes.push(name) };
    await rewindRun(watched, 2);
    expect(writes).toEqual([]);
    expect(await rewindRun(memoryStore(), 2)).toEqual({ metrics: [], completions: 0 });
  });

  it('appends rows as JSON lines', async () => {
    const store = memoryStore();
    const row = metricsRow([], figures);
    await appendRows(store, RUN_FILES.metrics, [row, row]);
    await appendRows(store, RUN_FILES.metrics, []);
    expect(await text(store, RUN_FILES.metrics)).toBe(`${JSON.stringify(row)}\n`.repeat(2));
  });

  it('refuses a folder that holds a run and says how to go on', async () => {
    const store = memoryStore('runs/a');
    await store.append('notes.txt', 'mine');
    await refuseUsedFolder(store);
    await store.append(RUN_FILES.metrics, log(0));
    await expect(refuseUsedFolder(store)).rejects.toThrow(UserError);
    await expect(refuseUsedFolder(store)).rejects.toThrow(
      'runs/a already holds a run (metrics.jsonl). Continue it with --resume runs/a',
    );
  });

  it('writes a summary that reads back', async () => {
    const store = memoryStore();
    const one = { accuracy: 0.5, lo: 0.4, hi: 0.6, n: 100 };
    const pair = { sampled: one, greedy: one };
    const summary = { base: pair, steered: pair, seconds: 1, steps: 2, adapter: 'a', seed: 0, reward: 'correct' };
    await writeSummary(store, summary);
    expect(JSON.parse(await text(store, RUN_FILES.summary))).toEqual(summary);
  });

  it('keeps copies, so that a changed buffer does not change the file', async () => {
    const store = memoryStore();
    const bytes = Uint8Array.of(1, 2);
    await store.writeAtomic('a', bytes);
    bytes[0] = 9;
    expect(await store.read('a')).toEqual(Uint8Array.of(1, 2));
    expect(await store.read('b')).toBeUndefined();
    await store.remove('a');
    await store.remove('a');
    expect(await store.list()).toEqual([]);
  });
});
