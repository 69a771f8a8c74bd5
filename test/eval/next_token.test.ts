import { afterAll, describe, expect, it } from 'vitest';
import { plainPass } from '../../src/eval/dump.ts';
import { nextTokenChoices, nextTokenEffects } from '../../src/eval/next_token.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden } from '../setup/golden.ts';

const device = await testDevice();
const lm = await demoModel(device);
const vectors = (await golden('demo')).f32('steering');
const steering = { tensor: device.upload(vectors, [6, 128], 'f32', 'steering'), scale: 1 };
const ids = lm.tokenizer.encode('Question: Ada has 3 pens and buys 4. How many pens does Ada have?\nAnswer:');

afterAll(() => device.destroy());

/** softmax of the last position's logits, in f64. */
async function probabilities(vectorsOn: boolean): Promise<number[]> {
  const { logits } = await plainPass(lm.model, ids, vectorsOn ? steering : undefined);
  const last = [...logits.subarray(-lm.model.config.vocab_size)];
  const weights = last.map((x) => Math.exp(x - Math.max(...last)));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / sum);
}

describe("several sides' choice of the next token", () => {
  it('has the likeliest of each side with what every side gives them, and the token that was asked for', async () => {
    const sides = [await probabilities(false), await probabilities(true)];
    const rare = sides[0]?.indexOf(Math.min(...(sides[0] as number[]))) as number;
    const { tokens, entropy } = await nextTokenChoices(lm, ids, [undefined, steering], 3, rare);
    const wanted = new Set([rare]);
    for (const side of sides) {
      const order = [...side.keys()].sort((a, b) => (side[b] as number) - (side[a] as number));
      for (const id of order.slice(0, 3)) wanted.add(id);
    }
    expect(new Set(tokens.map(({ id }) => id))).toEqual(wanted);
    for (const { id, token, probability } of tokens) {
      expect(token).toBe(lm.tokenizer.decode([id]));
      probability.forEach((p, side) => {
        expect(p).toBeCloseTo(sides[side]?.[id] as number, 6);
      });
    }
    const best = tokens.map(({ probability }) => Math.max(...probability));
    expect(best).toEqual([...best].sort((a, b) => b - a));
    sides.forEach((side, i) => {
      expect(entropy[i]).toBeCloseTo(-side.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0), 5);
    });
  });

  it('measures the same divergence as the effect of the vectors, and none of a side from itself', async () => {
    const [effect] = await nextTokenEffects(lm, ids, [-1], steering, 1);
    const { kl } = await nextTokenChoices(lm, ids, [undefined, steering, undefined], 1);
    expect(kl).toEqual([0, effect?.kl, 0]);
  });
});
