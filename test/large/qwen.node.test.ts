import { describe, expect, it } from 'vitest';
import { openFolder, readFile } from '#platform';
import { plainPass } from '../../src/eval/dump.ts';
import { generate } from '../../src/model/generate.ts';
import { loadModel, weightBytes } from '../../src/model/model.ts';
import { parseSafetensors } from '../../src/model/safetensors.ts';
import { openModelSource } from '../../src/model/source.ts';
import { testDevice } from '../setup/device.ts';
import { largestError } from '../setup/golden.ts';

/** The folder that checkpoint.py wrote. Without it nothing here runs. */
const folder = process.env.TRIMTAB_LARGE ?? '';
const GIB = 2 ** 30;

describe.skipIf(folder === '')("a checkpoint of Qwen2.5-1.5B's shape", () => {
  it('loads, prefills 16 tokens, decodes 8 and agrees with PyTorch within 8 GiB', { timeout: 3_600_000 }, async () => {
    const { tensors } = parseSafetensors(await readFile(`${folder}/reference.safetensors`));
    const ids = Array.from(tensors.get('ids')?.data as Int32Array);
    const device = await testDevice();
    const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(0);
    const start = performance.now();
    const source = await openModelSource(await openFolder(folder));
    let done = 0;
    const model = await loadModel(device, source, { maxPositions: 64, onProgress: (bytes) => (done = bytes) });
    await device.sync();
    const loaded = `loaded in ${seconds(start)} s, embedding in ${model.embed_tokens.parts.length} parts`;
    const { bytes } = model;
    expect(bytes).toBe(weightBytes(source, { maxPositions: 64 }));
    expect(done).toBeGreaterThan(2.8 * GIB);
    await source.close();

    const begun = performance.now();
    let prefilled = 0;
    const [completions] = await generate(
      model,
      [
        {
          prompt: ids,
          maxNewTokens: 8,
          completions: [{ sampling: { temperature: 0 }, key: { step: 0, prompt: 0, completion: 0 } }],
        },
      ],
      { seed: 0, eosIds: [], onProgress: () => (prefilled ||= performance.now()) },
    );
    const generated = completions?.[0]?.ids as number[];
    const times = `prefill ${((prefilled - begun) / 1000).toFixed(0)} s, 7 more tokens ${seconds(prefilled)} s`;

    const want = tensors.get('logits')?.data as Float32Array;
    const { logits } = await plainPass(model, ids);
    const got = logits.subarray(logits.length - want.length);
    const peak = process.resourceUsage().maxRSS / 2 ** 20;
    console.log(
      `${device.caps.adapter}: ${loaded}, ${(bytes / GIB).toFixed(2)} GiB of weights; ${times}; ` +
        `logits off by ${largestError(got, want).toExponential(1)} at most; peak ${peak.toFixed(2)} GiB`,
    );
    expect(largestError(got, want)).toBeLessThan(2e-3);
    expect(generated[0]).toBe(want.indexOf(want.reduce((a, b) => Math.max(a, b))));
    expect(generated).toHaveLength(8);
    expect(peak).toBeLessThan(8);
    const limit = Math.min(device.caps.maxBinding, device.caps.maxBuffer);
    expect(model.embed_tokens.parts).toHaveLength(Math.ceil((151936 * 1536 * 2) / limit));
    model.dispose();
  });
});
