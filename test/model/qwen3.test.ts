import { afterAll, describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { Tape } from '../../src/autograd/tape.ts';
import { plainPass } from '../../src/eval/dump.ts';
import { generate } from '../../src/model/generate.ts';
import { logProbabilities } from '../../src/model/log_probabilities.ts';
import { loadModel } from '../../src/model/model.ts';
import { packSequence, uploadPacked } from '../../src/model/packing.ts';
import { openModelSource } from '../../src/model/source.ts';
import { testDevice } from '../setup/device.ts';
import { golden } from '../setup/golden.ts';

const NAME = 'qwen3-bf16-tied-headdim';
const device = await testDevice();
const source = await openModelSource(await openFolder(`test/golden/models/${NAME}`));
const model = await loadModel(device, source);
const want = await golden(NAME);
const { num_hidden_layers: layers, hidden_size: c, vocab_size: v } = model.config;

afterAll(() => device.destroy());

describe('norms of q and k heads', () => {
  it('are in the keys that the cache holds: decoding token by token chooses what one pass over the text does', async () => {
    const prompt = [...want.ids('ids')].slice(0, 7);
    const completions = [{ sampling: { temperature: 0 }, key: { step: 0, prompt: 0, completion: 0 } }];
    const [result] = await generate(model, [{ prompt, maxNewTokens: 12, completions }], { seed: 1, eosIds: [] });
    const made = result?.[0]?.ids as number[];
    expect(made).toHaveLength(12);
    const { logits } = await plainPass(model, [...prompt, ...made]);
    const best = made.map((_, i) => {
      const row = logits.subarray((prompt.length - 1 + i) * v, (prompt.length + i) * v);
      return row.indexOf(Math.max(...row));
    });
    expect(made).toEqual(best);
  });

  it('are computed again in the backward pass where layers are, to the same bits', async () => {
    const ids = [...want.ids('ids')];
    const steering = { tensor: device.upload(want.f32('steering'), [layers, c], 'f32', 'steering'), scale: 1 };
    const gradient = async (recompute: 'none' | 'layer') => {
      const tables = uploadPacked(device, packSequence(ids));
      const grad = device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'grad');
      const tape = new Tape(device, { grad, layers: new Set([0, 1, 2]) });
      const logp = logProbabilities(tape, model, tables, { temperature: 1, steering, recompute });
      const coef = device.upload(new Float32Array(ids.length - 1).fill(1), [ids.length - 1], 'f32', 'd logp');
      tape.backward(logp, { tensor: coef, references: 1 });
      const values = await device.read(grad);
      tape.release(logp);
      device.arena.free(grad);
      tables.free();
      return values;
    };
    const before = device.arena.live().length;
    const none = await gradient('none');
    expect(none.some((value) => value !== 0)).toBe(true);
    expect(await gradient('layer')).toEqual(none);
    expect(device.arena.live().length).toBe(before);
  });
});
