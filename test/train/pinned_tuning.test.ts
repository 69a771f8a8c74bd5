import { expect, it, vi } from 'vitest';
import { asker } from '../../src/eval/ask.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { type Tuning, UNTUNED } from '../../src/gpu/tuning.ts';
import type { LinearQuestion } from '../../src/kernels/linear_kernel.ts';
import { choiceKey, linearVariant, ROW_CLASSES } from '../../src/kernels/linear_variants.ts';
import type { Layer } from '../../src/model/model.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { runExperiment } from '../../src/train/experiment.ts';
import { memoryStore, RUN_FILES, type RunStore } from '../../src/train/rundir.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';

const device = await testDevice();
const lm = await demoModel(device);
const problems = Array.from({ length: 4 }, (_, index) => ({
  question: 'How many?',
  answer: '1',
  index,
  source: `x:${index}`,
}));

/** One product of every layer, by another variant than the untuned one. */
const [layer] = lm.model.layers as [Layer];
const [{ tensor }] = layer.o_proj.parts as unknown as [{ tensor: Tensor }];
const [n, k] = tensor.shape as [number, number];
const question = (m: number): LinearQuestion => ({
  direction: 'forward',
  dtype: 'bf16',
  m,
  terms: k,
  width: n,
  strides: [k, 0, n, 0],
  bias: false,
});
const variant = linearVariant(device.caps, question(8)) === 'registers' ? 'tiles_32x64' : 'registers';
const kernel = `linear_${variant.split('_')[0]}`;
const tuning: Tuning = {
  order: 'sequential',
  choices: Object.fromEntries(ROW_CLASSES.map((m) => [choiceKey(question(m)), variant])),
};

/** Trains to so many steps; counts the products of the tuned shape that were recorded, by kernel. */
async function train(store: RunStore, steps: number, resume: boolean): Promise<Map<string, number>> {
  const products = new Map<string, number>();
  const rec = device.recorder();
  const dispatch = rec.dispatch.bind(rec);
  const spy = vi.spyOn(rec, 'dispatch').mockImplementation((kernel, tensors, params, grid, constants) => {
    if (/^linear_(?!backward)/.test(kernel.name) && params.terms === k && params.width === n) {
      products.set(kernel.name, (products.get(kernel.name) ?? 0) + 1);
    }
    dispatch(kernel, tensors, params, grid, constants);
  });
  const given = { model: 'models/demo', max_steps: steps, num_prompts: 2, num_generations: 2, save_steps: 1 };
  try {
    await runExperiment({
      lm,
      config: parseTrainConfig({ ...given, max_completion_length: 4, learning_rate: 0.1 }, 'the test'),
      store,
      encode: asker(lm, PRESETS.qa),
      stop: [],
      reward: ({ completion }) => completion.length,
      rewardName: 'length',
      trainProblems: problems,
      testProblems: [],
      resume,
      now: () => performance.now(),
    });
  } finally {
    spy.mockRestore();
  }
  return products;
}

it('a resumed run computes by the variants of its checkpoint, whatever the device has been tuned to since', async () => {
  const [whole, parts] = [memoryStore(), memoryStore()];
  device.tuning = tuning;
  await train(whole, 2, false);
  expect([...(await train(parts, 1, false)).keys()]).toEqual([kernel]);
  device.tuning = UNTUNED;
  expect([...(await train(parts, 2, true)).keys()]).toEqual([kernel]);
  expect(device.tuning).toEqual(tuning);
  expect(await parts.read(RUN_FILES.steering)).toEqual(await whole.read(RUN_FILES.steering));

  // And one that began without a tuning goes on without.
  const untuned = memoryStore();
  device.tuning = UNTUNED;
  expect((await train(untuned, 1, false)).has(kernel)).toBe(false);
  device.tuning = tuning;
  expect((await train(untuned, 2, true)).has(kernel)).toBe(false);
  expect(device.tuning).toBe(UNTUNED);
  device.destroy();
});
