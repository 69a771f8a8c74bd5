import { afterAll, describe, expect, it } from 'vitest';
import {
  type Completion,
  type GenerateOptions,
  type GenerationRequest,
  generate,
  generateSideBySide,
} from '../../src/model/generate.ts';
import { demoModel } from '../setup/demo.ts';
import { testDevice } from '../setup/device.ts';
import { golden } from '../setup/golden.ts';

const device = await testDevice();
const lm = await demoModel(device);
const vectors = (await golden('demo')).f32('steering');
const steering = { tensor: device.upload(vectors, [6, 128], 'f32', 'steering'), scale: 1 };
const prompt = lm.tokenizer.encode('Question: Ada has 3 pens and buys 4. How many pens does Ada have?\nAnswer:');

afterAll(() => device.destroy());

const request: GenerationRequest = {
  prompt,
  maxNewTokens: 20,
  completions: [{ sampling: { temperature: 1 }, key: { step: 0, prompt: 0, completion: 0 } }],
};
// No end of text: both lanes are as long as they may be.
const base: GenerateOptions = { seed: 5, eosIds: [], maxPasses: 2 };

describe('generations side by side', () => {
  it('gives each lane what it gets alone, under its own vectors', async () => {
    const lanes = [
      { requests: [request], options: base },
      { requests: [request], options: { ...base, steering } },
    ];
    const together = await generateSideBySide(lm.model, lanes);
    for (const [i, { requests, options }] of lanes.entries())
      expect(together[i]).toEqual(await generate(lm.model, requests, options));
    expect(together[0]?.[0]?.[0]?.ids).not.toEqual(together[1]?.[0]?.[0]?.ids);
  });

  it('lets the lanes grow together, and tells of each token as the completion has it', async () => {
    const heard: [lane: number, id: number, logp: number, entropy: number][] = [];
    const lane = (at: number) => ({
      requests: [request],
      options: {
        ...base,
        onToken: (_r: number, _c: number, id: number, logp: number, entropy: number) =>
          void heard.push([at, id, logp, entropy]),
      },
    });
    const results = await generateSideBySide(lm.model, [lane(0), lane(1)]);
    const lead = heard.map((_, i) => {
      const so = heard.slice(0, i + 1);
      return so.filter(([at]) => at === 0).length - so.filter(([at]) => at === 1).length;
    });
    // The prompt's token and two passes at the first readback.
    expect(Math.max(...lead.map(Math.abs))).toBeLessThanOrEqual(3);
    for (const [at, completion] of results.map((lane) => lane[0]?.[0] as Completion).entries()) {
      const said = heard.filter(([of]) => of === at);
      const { ids, logp, entropy } = completion;
      expect(said.map(([, id]) => id)).toEqual(ids);
      expect(said.map(([, , p]) => p)).toEqual(logp);
      expect(said.map(([, , , h]) => h)).toEqual(entropy);
    }
  });

  it('ends all lanes when one is aborted, and gives every buffer back', async () => {
    const live = device.arena.liveBytes;
    const controller = new AbortController();
    const stopping = { ...base, signal: controller.signal, onToken: () => controller.abort(new Error('enough')) };
    const lanes = [
      { requests: [request], options: base },
      { requests: [request], options: stopping },
    ];
    await expect(generateSideBySide(lm.model, lanes)).rejects.toThrow('enough');
    expect(device.arena.liveBytes).toBe(live);
  });
});
