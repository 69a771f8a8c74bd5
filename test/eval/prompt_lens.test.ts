import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { plainPass } from '../../src/eval/dump.ts';
import { nextTokenEffects } from '../../src/eval/next_token.ts';
import { promptLens } from '../../src/eval/prompt_lens.ts';
import type { Device } from '../../src/gpu/device.ts';
import { UserError } from '../../src/gpu/errors.ts';
import { loadModel } from '../../src/model/model.ts';
import { openModelSource } from '../../src/model/source.ts';
import { randomSource } from '../cases/case.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden } from '../setup/golden.ts';

const device = await testDevice();
const lm = await demoModel(device);
const { model } = lm;
const ids = lm.tokenizer.encode('Question: Tina fills 4 crates with 7 buttons each.\nAnswer:');
const [layers, c, vocab] = [6, 128, 512];
const steering = {
  tensor: device.upload((await golden('demo')).f32('steering'), [layers, c], 'f32', 'steering'),
  scale: 1,
};
const t = ids.length;

/** Log-probabilities [T, V] in f64 of logits [T, V]. */
function logSoftmax(logits: Float32Array): Float64Array {
  const out = new Float64Array(logits.length);
  for (let i = 0; i < t; i++) {
    const row = logits.subarray(i * vocab, (i + 1) * vocab);
    const top = Math.max(...row);
    const lse = top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
    row.forEach((x, v) => {
      out[i * vocab + v] = x - lse;
    });
  }
  return out;
}

describe('the logit lens of a prompt', () => {
  it('ends in what the model says: the likeliest next tokens of the last row, their probabilities and the entropy', async () => {
    const live = device.arena.live();
    const k = 10;
    const lens = await promptLens(model, ids, { k });
    expect(device.arena.live()).toEqual(live);
    expect(lens).toMatchObject({ rows: layers + 1, tokens: t, k });
    expect(lens.steered).toBeUndefined();
    expect(lens.base.otherLogp).toBeUndefined();
    const want = logSoftmax((await plainPass(model, ids)).logits);
    for (let i = 0; i < t; i++) {
      const row = Array.from(want.subarray(i * vocab, (i + 1) * vocab));
      const order = row.map((_, v) => v).sort((a, b) => (row[b] as number) - (row[a] as number));
      const cell = (layers * t + i) * k;
      expect(Array.from(lens.base.ids.subarray(cell, cell + k))).toEqual(order.slice(0, k));
      for (let n = 0; n < k; n++) expect(lens.base.logp[cell + n]).toBeCloseTo(row[order[n] as number] as number, 4);
      const entropy = -row.reduce((sum, x) => sum + Math.exp(x) * x, 0);
      expect(lens.base.entropy[layers * t + i]).toBeCloseTo(entropy, 4);
    }
  });

  it('begins with the embedding, which sees its own token alone, whatever stands before it', async () => {
    const lens = await promptLens(model, [...ids, ...ids], { k: 5 });
    for (let i = 0; i < t; i++) {
      const [once, again] = [i, t + i].map((at) => lens.base.logp.subarray(5 * at, 5 * at + 5));
      expect(again).toEqual(once);
    }
    const at = 5 * (layers * 2 * t);
    expect(lens.base.logp.subarray(at + 5 * t, at + 10 * t)).not.toEqual(lens.base.logp.subarray(at, at + 5 * t));
  });

  it('reads both sides of each token and the divergence between them, as the effect on the next token has them', async () => {
    const lens = await promptLens(model, ids, { k: 10, steering });
    const positions = Array.from(ids.keys());
    const effects = await nextTokenEffects(lm, ids, positions, steering, vocab);
    const { base, steered, kl } = lens;
    if (!steered || !kl) throw new Error('nothing was compared');
    for (const [i, effect] of effects.entries()) {
      expect(kl[layers * t + i]).toBeCloseTo(effect.kl, 4);
      const of = new Map(effect.changes.map((change) => [change.id, change]));
      for (let n = 0; n < 10; n++) {
        const cell = (layers * t + i) * 10 + n;
        const likely = of.get(base.ids[cell] as number);
        expect(Math.exp(base.logp[cell] as number)).toBeCloseTo(likely?.base as number, 5);
        expect(Math.exp(base.otherLogp?.[cell] as number)).toBeCloseTo(likely?.steered as number, 5);
        const pushed = of.get(steered.ids[cell] as number);
        expect(Math.exp(steered.logp[cell] as number)).toBeCloseTo(pushed?.steered as number, 5);
        expect(Math.exp(steered.otherLogp?.[cell] as number)).toBeCloseTo(pushed?.base as number, 5);
      }
    }
    // No vector stands before the embedding.
    expect(kl.subarray(0, t).every((x) => x < 1e-6)).toBe(true);
    expect(kl.subarray(t).some((x) => x > 1e-3)).toBe(true);
  });

  it('does not depend on how many cells are read at once', async () => {
    // Rows of 528 bytes of logits, beside 512 of the widest activation: 100 tokens take two parts.
    const read = async (on: Device) => {
      const source = await openModelSource(await openFolder('test/golden/models/llama-bf16-untied-biases'));
      const tiny = await loadModel(on, source);
      await source.close();
      const { num_hidden_layers, hidden_size } = tiny.config;
      const shape = [num_hidden_layers, hidden_size];
      const tensor = on.upload(randomSource(3).array(num_hidden_layers * hidden_size), shape, 'f32', 'steering');
      let parts = 0;
      const lens = await promptLens(
        tiny,
        Array.from({ length: 100 }, (_, i) => (i * 37) % 131),
        { steering: { tensor, scale: 1 }, onProgress: () => parts++ },
      );
      on.arena.free(tensor);
      tiny.dispose();
      return { lens, parts: parts / (num_hidden_layers + 1) };
    };
    const [whole, cut] = [await read(device), await read(await testDevice({ maxBinding: 51_300 }))];
    expect([whole.parts, cut.parts]).toEqual([1, 2]);
    expect(cut.lens).toEqual(whole.lens);
  });

  it('gives up between two parts when told to, and leaves nothing behind', async () => {
    const live = device.arena.live();
    const stop = new AbortController();
    const shares: number[] = [];
    const onProgress = (share: number) => {
      shares.push(share);
      if (shares.length === 3) stop.abort();
    };
    const reading = promptLens(model, ids, { signal: stop.signal, onProgress });
    await expect(reading).rejects.toThrow(/abort/i);
    expect(shares.map((share) => Math.round(share * (layers + 1)))).toEqual([1, 2, 3]);
    expect(device.arena.live()).toEqual(live);
  });

  it('refuses what is no sequence of the model', async () => {
    await expect(promptLens(model, [1, vocab])).rejects.toThrow(UserError);
    await expect(promptLens(model, [1])).rejects.toThrow('at least 2');
  });
});
