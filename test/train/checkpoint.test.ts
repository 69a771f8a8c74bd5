import { expect, it } from 'vitest';
import { UserError } from '../../src/gpu/errors.ts';
import type { Tuning } from '../../src/gpu/tuning.ts';
import { type Checkpoint, loadCheckpoint, pinnedTuning, saveCheckpoint } from '../../src/train/checkpoint.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { memoryStore } from '../../src/train/rundir.ts';
import { testDevice } from '../setup/device.ts';

const tuning = { order: 'sliced', choices: { 'forward bf16 64x64 8': 'vector' } };

function checkpointOf(tuning: Tuning): Checkpoint {
  const zeros = () => new Float32Array(6);
  return {
    step: 3,
    seconds: 1,
    numTokens: 10,
    warmup: 0,
    model: 'm',
    problems: 'p',
    adapter: 'a',
    tuning,
    config: parseTrainConfig({}, 'test'),
    numLayers: 2,
    hiddenSize: 3,
    state: { vectors: zeros(), expAvg: zeros(), expAvgSq: zeros() },
  };
}

it('keeps the tuning that the steps ran with', async () => {
  const store = memoryStore();
  await saveCheckpoint(store, checkpointOf(tuning));
  expect((await loadCheckpoint(store)).tuning).toEqual(tuning);
});

it('goes on in no other order of summation than it began with', async () => {
  const { subgroupMatrix: _, ...rest } = (await testDevice()).caps;
  const caps = { ...rest, adapter: 'a small adapter' };
  expect(pinnedTuning(checkpointOf(tuning), caps, 'runs/a')).toBe(tuning);
  const without = (order: string) => () => pinnedTuning(checkpointOf({ order, choices: {} }), caps, 'runs/a');
  expect(without('matrix_f16')).toThrow(UserError);
  expect(without('matrix_f16')).toThrow(
    /runs\/a was trained with products in the order matrix_f16\. a small adapter has no variant of order matrix_f16.*--out/,
  );
  expect(without('unheard_of')).toThrow(UserError);
  expect(without('sequential')).not.toThrow();
});
