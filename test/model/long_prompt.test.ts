import { afterAll, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/tape.ts';
import { generate } from '../../src/model/generate.ts';
import { logProbabilities } from '../../src/model/log_probabilities.ts';
import { loadModel } from '../../src/model/model.ts';
import { pack, uploadPacked } from '../../src/model/packing.ts';
import { openModelSource } from '../../src/model/source.ts';
import { randomSource } from '../cases/case.ts';
import { testDevice } from '../setup/device.ts';
import { memoryFolder } from '../setup/files.ts';
import { tinyModel } from './tiny_model.ts';

const device = await testDevice();
afterAll(() => device.destroy());

/** SwiftShader takes half a minute for what is longest here. */
const LENGTH = /swiftshader/i.test(device.caps.adapter) ? 1100 : 8000;

it(`samples after a prompt of ${LENGTH} tokens with the log-probabilities that a packed pass gives`, async () => {
  const random = randomSource(11);
  const files = tinyModel({
    config: { max_position_embeddings: 8192 },
    edit: (tensors) =>
      tensors.map((tensor) => ({ ...tensor, data: random.array((tensor.data as Float32Array).length, 0.7) })),
  });
  const source = await openModelSource(memoryFolder('tiny', files));
  const model = await loadModel(device, source, { maxPositions: 8192 });
  const prompt = Array.from({ length: LENGTH }, () => random.integer(5));
  const request = {
    prompt,
    maxNewTokens: 6,
    completions: [0, 1, 2].map((completion) => ({
      sampling: { temperature: 1 },
      key: { step: 0, prompt: 0, completion },
    })),
  };
  const [group] = await generate(model, [request], { seed: 3, eosIds: [] });
  const completions = (group ?? []).map(({ ids }) => ids);
  const alone = await generate(model, [request], { seed: 3, eosIds: [], maxRows: 1, maxPasses: 2 });
  expect(alone[0]).toEqual(group);

  const tables = uploadPacked(device, pack([{ prompt, completions }]));
  const tape = new Tape(device);
  const value = logProbabilities(tape, model, tables, { temperature: 1 });
  const again = await device.read(value.tensor);
  const order = pack([{ prompt, completions }]).pairOrigin;
  const differences = order.map(({ completion, token }, i) =>
    Math.abs((group?.[completion]?.logp[token] as number) - (again[i] as number)),
  );
  expect(differences).toHaveLength(18);
  expect(Math.max(...differences)).toBeLessThan(1e-4);
  expect(differences.reduce((a, b) => a + b) / 18).toBeLessThan(1e-5);
  tape.release(value);
  tables.free();
  model.dispose();
  expect(device.arena.live()).toEqual([]);
});
