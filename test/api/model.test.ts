import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  loadModel,
  loadProblems,
  loadVectors,
  memoryStore,
  parseProblems,
  parsePrompt,
  type SteerableModel,
  SteeringVectors,
  train,
} from '../../src/index.ts';
import { testDevice } from '../setup/device.ts';
import { repositoryPath } from '../setup/files.ts';

const DEMO = repositoryPath('models/demo');
const PROMPT = 'Question: Ada has 3 pens and buys 4. How many pens has Ada?\nAnswer:';

let model: SteerableModel;

beforeAll(async () => {
  model = await loadModel(DEMO, { device: await testDevice() });
});

async function collect(pieces: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

/** Vectors that do something: the first dimension of every layer, pushed hard. */
function loudVectors(): SteeringVectors {
  const { num_hidden_layers: numLayers, hidden_size: hiddenSize } = model.config;
  const vectors = new Float32Array(numLayers * hiddenSize);
  for (let l = 0; l < numLayers; l++) vectors.fill(2, l * hiddenSize, l * hiddenSize + 16);
  return new SteeringVectors({
    vectors,
    numLayers,
    hiddenSize,
    metadata: { scale: '1', model: model.lm.model.identity },
  });
}

describe('a model of the library', () => {
  it('streams in pieces the text that generate gives as a whole', async () => {
    const options = { maxNewTokens: 24, temperature: 1, seed: 3 };
    const pieces = await collect(model.stream(PROMPT, options));
    const whole = await model.generate(PROMPT, options);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe(whole.text);
    expect(whole.ids.length).toBeLessThanOrEqual(24);
    expect(model.lm.tokenizer.decode(whole.ids, { skipSpecialTokens: true })).toBe(whole.text);
  });

  it('never shows a stop text, nor the beginning of one that comes', async () => {
    const { text } = await model.generate(PROMPT, { maxNewTokens: 24, temperature: 1, seed: 3 });
    const stop = text.slice(5, 11);
    const pieces = await collect(model.stream(PROMPT, { maxNewTokens: 24, temperature: 1, seed: 3, stop: [stop] }));
    expect(pieces.join('')).toBe(text.slice(0, text.indexOf(stop)));
  });

  it('begins a text with the tokenizer’s special tokens where that is asked for', async () => {
    const encode = vi.spyOn(model.lm.tokenizer, 'encode');
    for (const addSpecialTokens of [undefined, false, true]) {
      await model.generate(PROMPT, { maxNewTokens: 1, ...(addSpecialTokens !== undefined && { addSpecialTokens }) });
    }
    expect(encode.mock.calls.map(([, options]) => options)).toEqual(
      [false, false, true].map((addSpecialTokens) => ({ addSpecialTokens })),
    );
    encode.mockRestore();
  });

  it('gives out what was held back as a possible stop text that did not come', async () => {
    const options = { maxNewTokens: 12, temperature: 1, seed: 3 };
    const { text } = await model.generate(PROMPT, options);
    const never = [`${text.slice(-3)}§`, `${text.slice(2, 5)}§`];
    expect((await collect(model.stream(PROMPT, { ...options, stop: never }))).join('')).toBe(text);
  });

  it('stops working when the loop is left, and holds nothing', async () => {
    const before = model.device.arena.live().length;
    for await (const piece of model.stream(PROMPT, { maxNewTokens: 200, temperature: 1 })) {
      expect(piece).not.toBe('');
      break;
    }
    expect(model.device.arena.live().length).toBe(before);
  });

  it('ends with the reason of an aborted signal', async () => {
    const stop = new AbortController();
    const work = collect(model.stream(PROMPT, { maxNewTokens: 200, temperature: 1, signal: stop.signal }));
    stop.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  });

  it('is steered by vectors times their scale', async () => {
    const base = await model.generate(PROMPT, { maxNewTokens: 12 });
    const steering = loudVectors();
    expect((await model.generate(PROMPT, { maxNewTokens: 12, steering, scale: 0 })).ids).toEqual(base.ids);
    expect((await model.generate(PROMPT, { maxNewTokens: 12, steering })).ids).not.toEqual(base.ids);
  });

  it('says where vectors are another model’s and were forced', async () => {
    const { file } = loudVectors();
    const stranger = new SteeringVectors({ ...file, metadata: { ...file.metadata, model: 'another' } });
    const warnings: string[] = [];
    const how = { maxNewTokens: 1, steering: stranger, onWarning: (line: string) => warnings.push(line) };
    await expect(model.generate(PROMPT, how)).rejects.toThrow('vectors of another model');
    await model.generate(PROMPT, { ...how, force: true });
    await model.evaluate([{ question: '1', answer: '1', index: 0, source: 'test' }], { ...how, force: true });
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining('used all the same')));
  });

  it.each([
    { temperature: Number.NaN },
    { temperature: -1 },
    { temperature: 1, topP: 0 },
    { temperature: 1, topK: 1.5 },
    { maxNewTokens: 1.5 },
    { seed: -1 },
    { seed: 2 ** 32 },
  ])('refuses to sample with %o', async (options) => {
    await expect(model.generate(PROMPT, options)).rejects.toThrow(/is expected|is sampled/);
  });

  it('says that it was disposed of, and takes a second dispose calmly', async () => {
    const other = await loadModel(DEMO, { device: model.device });
    other.dispose();
    other.dispose();
    await expect(other.generate(PROMPT)).rejects.toThrow('has been disposed of');
  });

  it('refuses problems of two files that carry the same numbers', async () => {
    const one = parseProblems('{"question": "a?", "answer": "1"}', 'a');
    const two = parseProblems('{"question": "b?", "answer": "2"}', 'b');
    await expect(model.evaluate([...one, ...two])).rejects.toThrow('2 problems have only 1 different numbers');
  });

  it('refuses an empty prompt, messages without a chat template, and an unknown prompt', async () => {
    await expect(model.generate('')).rejects.toThrow('The prompt is empty');
    await expect(model.generate([{ role: 'user', content: 'hi' }])).rejects.toThrow('chat template');
    await expect(model.evaluate([], { prompt: 'qq' })).rejects.toThrow('prompt "qq" is no preset');
  });
});

describe('a prompt that brings its own rule for answers', () => {
  const spec = parsePrompt(
    'examples: [{question: 1 + 1, completion: "#### 2"}]\nanswer: [last_number, boxed]',
    'the prompt of this test',
  );
  const problems = [{ question: '1 + 2', answer: '3', source: 'test', index: 0 }];

  it('has an evaluation read by it, unless another rule is given', async () => {
    const how = { prompt: spec, maxNewTokens: 4, modes: ['greedy'] as const };
    const own = await model.evaluate(problems, how);
    expect(Object.keys(own.greedy?.also ?? {})).toEqual(['boxed']);
    expect((await model.evaluate(problems, { ...how, answer: 'hashes' })).greedy?.also).toBeUndefined();
  });

  it('has training read by it, and a rule that finds nothing in its examples is warned of', async () => {
    const warnings: string[] = [];
    const signal = AbortSignal.abort(new Error('enough'));
    const how = { prompt: spec, signal, onWarning: (line: string) => warnings.push(line) };
    const store = memoryStore();
    await expect(train(model, problems, {}, { ...how, store })).rejects.toThrow('enough');
    const config = JSON.parse(new TextDecoder().decode(await store.read('config.json')));
    expect([config.answer, warnings]).toEqual(['last_number', []]);
    await expect(train(model, problems, { answer: 'boxed' }, how)).rejects.toThrow('enough');
    expect(warnings).toEqual([expect.stringContaining("answer is boxed, and 1 of the prompt's 1 examples")]);
  });
});

describe('training through the library', () => {
  it('gives vectors that files hold, steer and say something', async () => {
    const problems = await loadProblems(`${DEMO}/problems-train.jsonl`);
    const steps: number[] = [];
    const run = await train(
      model,
      problems,
      {
        prompt: 'qa',
        max_steps: 1,
        num_prompts: 2,
        num_generations: 4,
        max_completion_length: 16,
        learning_rate: 0.03,
      },
      { reward: ({ completion }) => completion.length, onStep: ({ step }) => steps.push(step) },
    );
    expect(steps).toEqual([0]);
    expect(run.vectors.shape).toEqual([6, 128]);
    for (const norm of run.vectors.norms()) expect(norm).toBeCloseTo(0.03 * Math.sqrt(128), 2);
    const read = await loadVectors(run.vectors.toBytes());
    expect(read.data).toEqual(run.vectors.data);
    expect(await run.store.list()).toContain('report.html');
    expect((await model.lens(read, { top: 3 })).layers.map(({ top }) => top.length)).toEqual([3, 3, 3, 3, 3, 3]);
  });

  it('names a field that there is not', async () => {
    await expect(train(model, [], { max_step: 3 } as object)).rejects.toThrow('did you mean max_steps');
  });
});
