import { describe, expect, it } from 'vitest';
import { createGPU, readFile } from '#platform';
import { asker } from '../../src/eval/ask.ts';
import { parseProblems } from '../../src/eval/data.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import { Device } from '../../src/gpu/device.ts';
import { DeviceLostError } from '../../src/gpu/errors.ts';
import { openDevice } from '../../src/gpu/open_device.ts';
import type { LanguageModel } from '../../src/model/language_model.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { runExperiment } from '../../src/train/experiment.ts';
import { memoryStore, RUN_FILES, type RunStore } from '../../src/train/rundir.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { repositoryPath } from '../setup/files.ts';

const file = repositoryPath('models/demo/problems-train.jsonl');
const problems = parseProblems(new TextDecoder().decode(await readFile(file)), file).slice(0, 8);
const config = parseTrainConfig(
  { model: 'models/demo', max_steps: 3, num_prompts: 2, num_generations: 2, max_completion_length: 6, save_steps: 1 },
  'the test',
);

function train(lm: LanguageModel, store: RunStore, resume: boolean, onStep?: (step: number) => void) {
  return runExperiment({
    lm,
    config,
    store,
    encode: asker(lm, PRESETS.qa),
    stop: [],
    reward: ({ completion }) => completion.length,
    rewardName: 'length',
    trainProblems: problems,
    testProblems: [],
    resume,
    now: () => performance.now(),
    on: { step: (row) => onStep?.(row.step) },
  });
}

/** A device that goes away when told, as after a driver's reset: what runs on it fails, and the reason comes a little later. */
async function mortalDevice(): Promise<{ device: Device; kill: () => void }> {
  const { gpu, caps } = await openDevice(await createGPU());
  let tell = (_: GPUDeviceLostInfo): void => {};
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
    tell = resolve;
  });
  const mortal = new Proxy(gpu, {
    get(target, key) {
      if (key === 'lost') return lost;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
  const kill = () => {
    gpu.destroy();
    setTimeout(() => tell({ reason: 'unknown', message: 'the driver was reset' } as GPUDeviceLostInfo), 500);
  };
  return { device: new Device(mortal, caps), kill };
}

describe('a device lost in the middle of training', () => {
  it('ends the run with its last step on disk, from which another device goes on to the same bytes', async () => {
    const healthy = await demoModel(await testDevice());
    const whole = memoryStore();
    await train(healthy, whole, false);

    const { device, kill } = await mortalDevice();
    const store = memoryStore();
    const ends = train(await demoModel(device), store, false, (step) => step === 1 && kill());
    await expect(ends).rejects.toThrow(DeviceLostError);
    await expect(ends).rejects.toThrow('The GPU device was lost: the driver was reset');

    await train(healthy, store, true);
    for (const name of [RUN_FILES.steering, RUN_FILES.completions]) {
      expect(await store.read(name), name).toEqual(await whole.read(name));
    }
  });

  it('is told where pipelines are still being made', async () => {
    const { device, kill } = await mortalDevice();
    const lm = await demoModel(device);
    const before = device.counters.pipelines;
    const ends = train(lm, memoryStore(), false);
    const watch = setInterval(() => {
      if (device.counters.pipelines === before) return;
      clearInterval(watch);
      kill();
    });
    await expect(ends).rejects.toThrow(DeviceLostError);
  });
});
