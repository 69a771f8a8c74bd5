import { afterAll, describe, expect, it } from 'vitest';
import { pack } from '../../src/model/packing.ts';
import { type PolicyGroup, type PolicyOptions, plan, policyPass } from '../../src/train/policy.ts';
import type { RatioLevel } from '../../src/train/ratio.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden, goldenJson, relativeError } from '../setup/golden.ts';

interface Rollouts {
  temperature: number;
  beta: number;
  max_completion_length: number;
  groups: { prompt_ids: number[]; rewards: number[]; completions: { ids: number[] }[] }[];
}

const device = await testDevice();
const { model } = await demoModel(device);
const { num_hidden_layers: layers, hidden_size: c } = model.config;
const rollouts = await goldenJson<Rollouts>('rloo');
const want = await golden('rloo');
const clipped = await golden('objectives');
const steering = { tensor: device.upload(want.f32('steering'), [layers, c], 'f32', 'steering'), scale: 1 };
const all = new Set(Array.from({ length: layers }, (_, l) => l));

afterAll(() => device.destroy());

function groupsWith(advantage: string, scale = 'none'): PolicyGroup[] {
  const values = want.f32(`advantages.${advantage}.${scale}`);
  let at = 0;
  return rollouts.groups.map((g) => ({
    prompt: g.prompt_ids,
    completions: g.completions.map((x) => x.ids),
    advantages: g.completions.map(() => values[at++] as number),
  }));
}

async function run(
  groups: readonly PolicyGroup[],
  options: Partial<PolicyOptions> = {},
  trained: ReadonlySet<number> = all,
) {
  const grad = device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'grad');
  const result = await policyPass(model, groups, {
    steering,
    target: { grad, layers: trained },
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
  return { ...result, gradient };
}

function expectGradient(got: Float32Array, name: string, tolerance = 1e-4): void {
  const reference = want.f32(name);
  for (let l = 0; l < layers; l++) {
    const at = (x: Float32Array) => x.subarray(l * c, (l + 1) * c);
    expect(relativeError(at(got), at(reference)), `${name}, layer ${l}`).toBeLessThan(tolerance);
  }
}

describe('the policy loss against PyTorch', () => {
  for (const advantage of ['rloo', 'mean']) {
    for (const lossType of ['dapo', 'grpo', 'dr_grpo'] as const) {
      for (const beta of [0, 0.05]) {
        it(`gives loss and gradient of ${advantage}, ${lossType}, beta ${beta}`, async () => {
          const name = `${advantage}.${lossType}.beta${beta}`;
          const got = await run(groupsWith(advantage), { lossType, beta });
          expect(Math.abs(got.loss - (want.f32(`loss.${name}`)[0] as number))).toBeLessThan(2e-6);
          expectGradient(got.gradient, `grad.${name}`);
        });
      }
    }
  }

  it('returns the log-probability of every sampled token', async () => {
    const got = await run(groupsWith('rloo'), { beta: 0.05 });
    const flat = got.logp.flat().flatMap((x) => Array.from(x ?? []));
    expect(relativeError(flat, want.f32('logprobs'))).toBeLessThan(1e-5);
  });
});

/** Token values of PyTorch's batch by group and completion. */
function byCompletion(values: Float32Array): Float32Array[][] {
  let at = 0;
  return rollouts.groups.map((group) =>
    group.completions.map(({ ids }) => {
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
        const old = byCompletion(clipped.f32(`old_logprobs.${level}`));
        // A small micro-batch: every completion's pairs must stay together.
        const maxRows = level === 'token' ? 4096 : 120;
        const ratio = { level, epsilonLow: 0.2, epsilonHigh, old };
        const vectors = device.upload(clipped.f32(`steering.${level}`), [layers, c], 'f32', 'steering');
        const groups = groupsWith('mean', 'group');
        const options = { steering: { tensor: vectors, scale: 1 }, ratio, beta, lossType, maxRows };
        const got = await run(groups, options);
        device.arena.free(vectors);
        const loss = clipped.f32(`loss.${name}`)[0] as number;
        expect(Math.abs(got.loss - loss)).toBeLessThan(2e-5 * Math.max(1, Math.abs(loss)));
        expect(relativeError(got.gradient, clipped.f32(`grad.${name}`))).toBeLessThan(2e-4);
        const [low, high] = clipped.f32(`clip.${name}`);
        expect(got.clip.low).toBeCloseTo(low as number, 6);
        expect(got.clip.high).toBeCloseTo(high as number, 6);
      });
    }
  }

  it('is 1 before the first update, where tokens have the gradient of the plain policy loss, to the bit', async () => {
    const ratio = { level: 'token', epsilonLow: 0.2, epsilonHigh: 0.2 } as const;
    const groups = groupsWith('mean', 'group');
    const [plain, first] = [await run(groups), await run(groups, { ratio })];
    expect(first.gradient).toEqual(plain.gradient);
    expect(first.clip).toEqual({ low: 0, high: 0 });
  });
});

describe('what must not change the gradient', () => {
  it('recomputing the layers gives the same bits', async () => {
    const groups = groupsWith('rloo');
    const [kept, again] = [await run(groups), await run(groups, { recompute: 'layer' })];
    expect(again.gradient).toEqual(kept.gradient);
    expect(again.loss).toBe(kept.loss);
  });

  it('micro-batches, even such as split a group, add up to the same gradient', async () => {
    const split = { beta: 0, maxRows: 120 };
    const groups = groupsWith('rloo');
    expect(plan(groups, split).length).toBeGreaterThan(groups.length);
    expectGradient((await run(groups, split)).gradient, 'grad.rloo.dapo.beta0');
  });

  it('completions that share a prompt have the gradient of as many separate sequences', async () => {
    const groups = groupsWith('rloo');
    const separate = groups.flatMap(({ prompt, completions, advantages }) =>
      completions.map((completion, k) => ({
        prompt,
        completions: [completion],
        advantages: [advantages[k] as number],
      })),
    );
    const [shared, apart] = [await run(groups), await run(separate)];
    expect(relativeError(shared.gradient, apart.gradient)).toBeLessThan(2e-5);
    expect(Math.abs(shared.loss - apart.loss)).toBeLessThan(1e-6);
    // The sampled completions begin alike in part, and a row's bits do not tell how it is packed.
    expect(pack(groups).paths).toBeDefined();
    expect(shared.logp.flat()).toEqual(apart.logp.flat());
  });

  it('completions that are nearly the same have it too, with a penalty, with recomputed layers, in parts', async () => {
    const text = Array.from({ length: 20 }, (_, i) => (7 + 31 * i) % 90);
    const completions = [[], [5], [6], [5, 9], [5, 9, 4], []].map((end, i) => [...text.slice(0, 18 - (i % 3)), ...end]);
    const prompt = (rollouts.groups[0] as Rollouts['groups'][number]).prompt_ids;
    const advantages = [1, -0.5, 0.75, -1, 0.25, 2];
    const shared = [{ prompt, completions: [...completions, []], advantages: [...advantages, 1] }];
    const separate = completions.map((completion, k) => ({
      prompt,
      completions: [completion],
      advantages: [advantages[k] as number],
    }));
    const options = { beta: 0.05, lossType: 'sum' as const };
    const apart = await run(separate, options);
    for (const more of [{}, { recompute: 'layer' as const }, { maxRows: prompt.length + 30 }]) {
      const got = await run(shared, { ...options, ...more });
      expect(relativeError(got.gradient, apart.gradient)).toBeLessThan(2e-5);
      expect(Math.abs(got.loss - apart.loss)).toBeLessThan(1e-5 * Math.abs(apart.loss));
      expect(got.logp.flat().slice(0, completions.length)).toEqual(apart.logp.flat());
    }
    expect(pack(shared).n).toBeLessThan(prompt.length + 40);
  });

  it('the model without vectors shares what lies below the lowest vector, to the bit, and so computes less', async () => {
    const groups = groupsWith('rloo');
    const lowest = 3;
    const vectors = want.f32('steering').map((x, i) => (i < lowest * c ? 0 : x));
    const upper = { tensor: device.upload(vectors, [layers, c], 'f32', 'steering'), scale: 1 };
    const trained = new Set([lowest, layers - 1]);
    const counted = async (options: Partial<PolicyOptions>) => {
      const before = device.counters.dispatches;
      const result = await run(groups, { steering: upper, beta: 0.05, ...options }, trained);
      return { ...result, dispatches: device.counters.dispatches - before };
    };
    const [own, shared] = [await counted({}), await counted({ lowest })];
    device.arena.free(upper.tensor);
    expect(shared.gradient).toEqual(own.gradient);
    expect(shared.kl).toBe(own.kl);
    expect(shared.kl).toBeGreaterThan(0);
    // A layer without a gradient takes nine where its activation is written by the product before, else ten.
    expect(shared.dispatches).toBeLessThanOrEqual(own.dispatches - 9 * lowest);
  });

  it('a completion of zero advantage is counted in N_tok although it is not run', async () => {
    const groups = groupsWith('rloo');
    expect(groups[2]?.advantages.every((a) => a === 0)).toBe(true);
    const run_ = plan(groups, { beta: 0, maxRows: 4096 })
      .flatMap(({ batch }) => batch)
      .map((part) => part.group);
    expect(run_).not.toContain(2);
  });

  it('the same inputs give the same bits', async () => {
    const [a, b] = [await run(groupsWith('rloo'), { beta: 0.05 }), await run(groupsWith('rloo'), { beta: 0.05 })];
    expect(a.gradient).toEqual(b.gradient);
  });
});

describe('differentiating only what lies above the lowest trained vector', () => {
  it('gives a trained layer the same gradient, leaves the others at zero, and computes less', async () => {
    const groups = groupsWith('rloo');
    const full = await run(groups);
    const before = device.counters.dispatches;
    const top = await run(groups, {}, new Set([layers - 1]));
    const few = device.counters.dispatches - before;
    await run(groups);
    const many = device.counters.dispatches - before - few;
    const at = (x: Float32Array, l: number) => x.slice(l * c, (l + 1) * c);
    expect(at(top.gradient, layers - 1)).toEqual(at(full.gradient, layers - 1));
    expect(at(top.gradient, 0).every((x) => x === 0)).toBe(true);
    expect(few).toBeLessThan(many - 10 * (layers - 1));
  });

  it('keeps nothing after the pass', async () => {
    const before = device.arena.live();
    await run(groupsWith('rloo'), { beta: 0.05, recompute: 'layer' });
    expect(device.arena.live()).toEqual(before);
  });
});
