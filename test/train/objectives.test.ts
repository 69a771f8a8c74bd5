import { afterAll, describe, expect, it } from 'vitest';
import { type PolicyGroup, type PolicyOptions, policyPass } from '../../src/train/policy.ts';
import type { RatioLevel } from '../../src/train/ratio.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden, goldenJson, relativeError } from '../setup/golden.ts';

interface Rollouts {
  temperature: number;
  beta: number;
  max_completion_length: number;
  groups: { prompt_ids: number[]; completions: { ids: number[] }[] }[];
}

const device = await testDevice();
const { model } = await demoModel(device);
const { num_hidden_layers: layers, hidden_size: c } = model.config;
const rollouts = await goldenJson<Rollouts>('rloo');
const recorded = await golden('rloo');
const want = await golden('objectives');
const all = new Set(Array.from({ length: layers }, (_, l) => l));

afterAll(() => device.destroy());

const advantages = recorded.f32('advantages.mean.group');
const groups = rollouts.groups.map(
  (group, g): PolicyGroup => ({
    prompt: group.prompt_ids,
    completions: group.completions.map((x) => x.ids),
    advantages: group.completions.map((_, i) => advantages[g * group.completions.length + i] as number),
  }),
);

async function run(name: string, given: readonly PolicyGroup[], options: Partial<PolicyOptions>) {
  const vectors = device.upload(want.names.includes(name) ? want.f32(name) : recorded.f32(name), [layers, c]);
  const grad = device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'grad');
  const result = await policyPass(model, given, {
    steering: { tensor: vectors, scale: 1 },
    target: { grad, layers: all },
    temperature: rollouts.temperature,
    beta: 0,
    lossType: 'dapo',
    maxCompletionLength: rollouts.max_completion_length,
    recompute: 'none',
    maxRows: 4096,
    ...options,
  });
  const gradient = await device.read(grad);
  device.arena.free(grad);
  device.arena.free(vectors);
  return { ...result, gradient };
}

/** Token values of PyTorch's batch by group and completion. */
function byCompletion(values: Float32Array): Float32Array[][] {
  let at = 0;
  return groups.map((group) =>
    group.completions.map((ids) => {
      at += ids.length;
      return values.slice(at - ids.length, at);
    }),
  );
}

describe('the clipped importance ratio against PyTorch', () => {
  const forms = [
    ['symmetric', 0.2, 0, 'grpo'],
    ['higher', 0.28, 0, 'dapo'],
    ['kl', 0.28, rollouts.beta, 'dr_grpo'],
  ] as const;
  for (const level of ['token', 'sequence', 'sequence_sum'] satisfies RatioLevel[]) {
    for (const [form, epsilonHigh, beta, lossType] of forms) {
      it(`gives loss, gradient and clipped shares: ${level}, epsilon_high ${epsilonHigh}, beta ${beta}, ${lossType}`, async () => {
        const name = `${level}.${form}`;
        const old = byCompletion(want.f32(`old_logprobs.${level}`));
        // A small micro-batch: every completion's pairs must stay together.
        const maxRows = level === 'token' ? 4096 : 120;
        const ratio = { level, epsilonLow: 0.2, epsilonHigh, old };
        const got = await run(`steering.${level}`, groups, { ratio, beta, lossType, maxRows });
        const loss = want.f32(`loss.${name}`)[0] as number;
        expect(Math.abs(got.loss - loss)).toBeLessThan(2e-5 * Math.max(1, Math.abs(loss)));
        expect(relativeError(got.gradient, want.f32(`grad.${name}`))).toBeLessThan(2e-4);
        const [low, high] = want.f32(`clip.${name}`);
        expect(got.clip.low).toBeCloseTo(low as number, 6);
        expect(got.clip.high).toBeCloseTo(high as number, 6);
      });
    }
  }

  it('is 1 before the first update, where tokens have the gradient of the plain policy loss, to the bit', async () => {
    const ratio = { level: 'token', epsilonLow: 0.2, epsilonHigh: 0.2 } as const;
    const [plain, first] = [await run('steering', groups, {}), await run('steering', groups, { ratio })];
    expect(first.gradient).toEqual(plain.gradient);
    expect(first.clip).toEqual({ low: 0, high: 0 });
  });
});

describe('supervised losses against PyTorch', () => {
  it('gives the mean negative log-probability with advantage 1', async () => {
    const given = groups.map((group) => ({ ...group, advantages: group.completions.map(() => 1) }));
    const got = await run('steering', given, { temperature: 1 });
    expect(Math.abs(got.loss - (want.f32('loss.sft')[0] as number))).toBeLessThan(2e-6);
    expect(relativeError(got.gradient, want.f32('grad.sft'))).toBeLessThan(1e-4);
  });
});
