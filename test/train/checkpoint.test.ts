import { expect, it } from 'vitest';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from '../../src/train/checkpoint.ts';
import { parseTrainConfig } from '../../src/train/config.ts';
import { memoryStore } from '../../src/train/rundir.ts';

it('keeps the tuning that the steps ran with', async () => {
  const tuning = { order: 'sliced', choices: { 'forward bf16 64x64 8': 'vector' } };
  const zeros = () => new Float32Array(6);
  const checkpoint: Checkpoint = {
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
  const store = memoryStore();
  await saveCheckpoint(store, checkpoint);
  expect((await loadCheckpoint(store)).tuning).toEqual(tuning);
});
