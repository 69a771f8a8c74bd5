import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { asker } from '../../src/eval/ask.ts';
import { PRESETS } from '../../src/eval/prompts.ts';
import { openModelFiles } from '../../src/model/language_model.ts';
import { type ExampleOptions, pairs, traces } from '../../src/train/traces.ts';

const lm = await openModelFiles(await openFolder('models/demo'));
await lm.source.close();
const options: ExampleOptions = {
  maxCompletionLength: 64,
  context: 512,
  encode: asker(lm, PRESETS.qa),
  lm,
  chat: false,
};
const row = (columns: Record<string, unknown>) => ({ columns, source: 'traces.jsonl:1' });
const words = (ids: readonly number[]) => lm.tokenizer.decode([...ids]);

describe('worked solutions', () => {
  it('asks a question as the model is asked it; the solution follows after a space and ends', () => {
    const [trace] = traces([row({ question: 'What is 1 + 1?', solution: 'It is 2.' })], options);
    expect(trace?.prompt.text).toBe('Question: What is 1 + 1?\nAnswer:');
    expect(words(trace?.completion.slice(0, -1) ?? [])).toBe(' It is 2.');
    expect(trace?.completion.at(-1)).toBe(lm.eosIds[0]);
    expect(trace?.cut).toBe(false);
  });

  it('takes prompt and completion as they stand', () => {
    const [trace] = traces([row({ prompt: 'Say', completion: ' so', question: 'not this' })], options);
    expect(trace?.prompt.text).toBe('Say');
    expect(words(trace?.completion.slice(0, -1) ?? [])).toBe(' so');
  });

  it('cuts what is too long for the cap or for the context, without its end, and says so', () => {
    const long = row({ prompt: 'Say', completion: ' one two three four five six seven' });
    for (const limit of [{ maxCompletionLength: 3 }, { context: 3 + lm.tokenizer.encode('Say').length }]) {
      const [trace] = traces([long], { ...options, ...limit });
      expect(trace).toMatchObject({ cut: true });
      expect(trace?.completion).toHaveLength(3);
      expect(trace?.completion).not.toContain(lm.eosIds[0]);
    }
  });

  it('takes the columns that are named', () => {
    const named = { ...options, questionKey: 'q', answerKey: 'a' };
    const [trace] = traces([row({ q: 'Why?', a: 'So.', prompt: 'no', completion: 'no' })], named);
    expect(trace?.prompt.text).toContain('Why?');
    expect(words(trace?.completion.slice(0, -1) ?? [])).toBe(' So.');
  });

  it('refuses a row without them, naming it and what it has', () => {
    const bare = row({ question: 'What is 1 + 1?', answer: '2' });
    expect(() => traces([bare], options)).toThrow(/traces\.jsonl:1.*completion or solution, found question, answer/);
    expect(() => pairs([row({ prompt: 'x', chosen: 'y', rejected: '' })], options)).toThrow(/rejected holds none/);
  });
});

describe('pairs', () => {
  it('share a prompt, and each ends', () => {
    const [pair] = pairs([row({ prompt: 'Say', chosen: ' yes', rejected: ' no' })], options);
    expect([pair?.chosen, pair?.rejected].map((ids) => words(ids?.slice(0, -1) ?? []))).toEqual([' yes', ' no']);
    for (const ids of [pair?.chosen, pair?.rejected]) expect(ids?.at(-1)).toBe(lm.eosIds[0]);
  });
});

it('ends a chat with the token that the template writes after the assistant’s words', () => {
  const ids: Record<string, number> = { '<|end|>': 7, '<|eos|>': 9 };
  const tokenizer = {
    encode: (text: string) => text.split(/(<\|\w+\|>)/).flatMap((part) => (part === '' ? [] : [ids[part] ?? 1])),
    renderChat: (messages: readonly { content: string }[]) =>
      messages.map(({ content }) => `${content}<|end|>\n`).join(''),
  };
  const chat = { ...options, chat: true, lm: { tokenizer, eosIds: [9, 7] } as unknown as ExampleOptions['lm'] };
  const [trace] = traces([row({ question: 'Why?', solution: 'So.' })], chat);
  expect(trace?.completion).toEqual([1, 7]);
});
