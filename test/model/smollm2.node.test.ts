import { existsSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openFile } from '#platform';
import { plainPass } from '../../src/eval/dump.ts';
import { generate } from '../../src/model/generate.ts';
import { type LanguageModel, openLanguageModel } from '../../src/model/language_model.ts';
import { testDevice } from '../setup/device.ts';
import { hasShared, sharedPath } from '../setup/files.ts';
import { golden, goldenJson, largestError } from '../setup/golden.ts';

interface Greedy {
  prompt: string;
  prompt_ids: number[];
  completion_ids: number[];
}

interface Chat {
  messages: { role: string; content: string }[];
  text: string;
  ids: number[];
}

const path = hasShared ? sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf') : '';
const isThere = path !== '' && existsSync(path);
if (!isThere)
  console.warn('SmolLM2-135M-Instruct.Q4_1.gguf is not in the shared folder (TRIMTAB_SHARED): not compared.');

/** All ten prompts and 64 tokens take minutes on a software adapter: asked for by TRIMTAB_FULL=1. */
const FULL = process.env.TRIMTAB_FULL === '1';
const [PROMPTS, TOKENS] = FULL ? [10, 64] : [2, 16];
const MAY_DIFFER = FULL ? 1 : 0;

let opened: Promise<LanguageModel> | undefined;
const smollm2 = (): Promise<LanguageModel> => {
  opened ??= Promise.all([testDevice(), openFile(path)]).then(([device, file]) => openLanguageModel(device, file));
  return opened;
};

describe.skipIf(!isThere)('SmolLM2-135M (GGUF, Q4_1) against transformers', () => {
  it('computes its logits within 2e-3', async () => {
    const want = await golden('smollm2-logits');
    const { model } = await smollm2();
    const ids = want.ids('ids');
    const { logits } = await plainPass(model, ids);
    const v = model.config.vocab_size;
    const row = (t: number) => logits.subarray(t * v, (t + 1) * v);
    expect(largestError(row(5), want.f32('logits.5'))).toBeLessThan(2e-3);
    expect(largestError(row(ids.length - 1), want.f32('logits.last'))).toBeLessThan(2e-3);
  });

  it('stays packed: its weights take at most 1.1 times the file', async () => {
    const { model } = await smollm2();
    expect(model.bytes / statSync(path).size).toBeLessThan(1.1);
    const types = new Set([...model.tensors()].map(({ dtype }) => dtype));
    expect([...types].sort()).toEqual(['f32', 'q4_1', 'q8_0']);
  });

  it('renders and encodes chats as its own template says', async () => {
    const { tokenizer } = await smollm2();
    for (const { messages, text, ids } of await goldenJson<Chat[]>('smollm2-chat')) {
      expect(tokenizer.renderChat(messages)).toBe(text);
      expect(tokenizer.encode(text)).toEqual(ids);
    }
  });

  it(`continues ${PROMPTS} prompts greedily with the same ${TOKENS} tokens`, { timeout: 1_800_000 }, async () => {
    const lm = await smollm2();
    const cases = (await goldenJson<Greedy[]>('smollm2-greedy')).slice(0, PROMPTS);
    for (const { prompt, prompt_ids } of cases) expect(lm.tokenizer.encode(prompt)).toEqual(prompt_ids);
    const results = await generate(
      lm.model,
      cases.map(({ prompt_ids }, prompt) => ({
        prompt: prompt_ids,
        maxNewTokens: TOKENS,
        completions: [{ sampling: { temperature: 0 }, key: { step: 0, prompt, completion: 0 } }],
      })),
      { seed: 0, eosIds: lm.eosIds },
    );
    const differing = cases.filter(
      ({ completion_ids }, i) => results[i]?.[0]?.ids.join() !== completion_ids.slice(0, TOKENS).join(),
    );
    expect(differing.length, differing.map(({ prompt }) => prompt).join(' | ')).toBeLessThanOrEqual(MAY_DIFFER);
  });
});
