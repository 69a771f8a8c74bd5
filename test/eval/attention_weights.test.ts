import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { attentionWeights } from '../../src/eval/attention_weights.ts';
import { loadModel, type Model } from '../../src/model/model.ts';
import { openModelSource } from '../../src/model/source.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden } from '../setup/golden.ts';

const device = await testDevice();
const demo = await demoModel(device);

async function goldenModel(name: string): Promise<Model> {
  const source = await openModelSource(await openFolder(`test/golden/models/${name}`));
  const model = await loadModel(device, source);
  await source.close();
  return model;
}

/** The largest distance of a row's sum from 1; checks that no key behind its query is seen. */
function worstSum(weights: Float32Array, heads: number, t: number): number {
  let worst = 0;
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < t; i++) {
      const row = weights.subarray((h * t + i) * t, (h * t + i + 1) * t);
      worst = Math.max(worst, Math.abs(row.reduce((sum, p) => sum + p, 0) - 1));
      expect(row.subarray(i + 1).every((p) => p === 0)).toBe(true);
    }
  }
  return worst;
}

describe('attention of a layer', () => {
  const ids = Array.from({ length: 41 }, (_, i) => (i * 37) % 200);

  it.each([
    'qwen2-f32-tied-gqa1',
    'llama-bf16-untied-headdim',
    'mistral-bf16-untied-window',
    'qwen3-bf16-tied-headdim',
  ])('is made of rows that add up to 1 and see nothing behind themselves: %s', async (name) => {
    const model = await goldenModel(name);
    const { num_attention_heads: heads, vocab_size } = model.config;
    const own = ids.map((id) => id % vocab_size).slice(0, model.maxPositions);
    for (const layer of model.layers.keys()) {
      const weights = await attentionWeights(model, own, layer);
      expect(weights).toHaveLength(heads * own.length ** 2);
      expect(worstSum(weights, heads, own.length)).toBeLessThan(1e-5);
    }
    model.dispose();
  });

  it('does not depend on how many queries fit a tile', async () => {
    const long = Array.from({ length: 200 }, (_, i) => (i * 37) % 200);
    // Holds the activations of 200 tokens, and of the map 193 rows.
    const narrow = await demoModel(await testDevice({ maxBinding: 620_000 }));
    const live = narrow.model.device.arena.live();
    const weights = await attentionWeights(narrow.model, long, 2);
    expect(narrow.model.device.arena.live()).toEqual(live);
    expect(weights).toEqual(await attentionWeights(demo.model, long, 2));
    expect(worstSum(weights, 4, 200)).toBeLessThan(1e-5);
  });

  it('looks back at tokens before: what stands behind a token changes nothing of it', async () => {
    const whole = await attentionWeights(demo.model, ids, 5);
    const part = await attentionWeights(demo.model, ids.slice(0, 20), 5);
    for (let h = 0; h < 4; h++) {
      for (let i = 0; i < 20; i++) {
        const [a, b] = [whole.subarray((h * 41 + i) * 41), part.subarray((h * 20 + i) * 20)];
        expect(a.subarray(0, 20)).toEqual(b.subarray(0, 20));
      }
    }
  });

  it('is changed by vectors in layers above the first one alone', async () => {
    const tensor = device.upload((await golden('demo')).f32('steering'), [6, 128], 'f32', 'steering');
    const steered = (layer: number) => attentionWeights(demo.model, ids, layer, { tensor, scale: 1 });
    expect(await steered(0)).toEqual(await attentionWeights(demo.model, ids, 0));
    expect(await steered(3)).not.toEqual(await attentionWeights(demo.model, ids, 3));
    device.arena.free(tensor);
  });

  it('names the layer that the model does not have', async () => {
    await expect(attentionWeights(demo.model, ids, 6)).rejects.toThrow(
      'layer 6 was asked for, and this model has the layers 0 to 5',
    );
  });
});
