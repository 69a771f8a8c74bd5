import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePrompt, promptFromSetting, renderPrompt } from '../../src/eval/prompts.ts';
import { parseTrainConfig } from '../../src/train/config.ts';

const files = readdirSync('recipes').filter((name) => name.endsWith('.yaml') && !name.endsWith('-prompt.yaml'));
const text = (name: string) => readFileSync(join('recipes', name), 'utf8');

/** What the paper (arXiv 2505.18706, version 1) gives for each model. */
const PAPER = {
  'qwen2.5-1.5b': { model: 'Qwen/Qwen2.5-1.5B', learning_rate: 5e-4, num_generations: 64, num_train_epochs: 3 },
  'qwen2.5-math-1.5b': {
    model: 'Qwen/Qwen2.5-Math-1.5B',
    learning_rate: 2e-3,
    num_generations: 16,
    num_train_epochs: 3,
  },
  'llama-3.1-8b': { model: 'meta-llama/Llama-3.1-8B', learning_rate: 5e-4, num_generations: 64, num_train_epochs: 2 },
  'llama-3.1-8b-instruct': {
    model: 'meta-llama/Llama-3.1-8B-Instruct',
    learning_rate: 3e-4,
    num_generations: 16,
    num_train_epochs: 3,
  },
} as const;

/** What it, or its authors' configuration, gives for all of them. */
const ALL = {
  num_prompts: 128,
  max_completion_length: 1024,
  temperature: 1,
  top_p: 1,
  advantage: 'mean',
  scale_rewards: 'none',
  loss_type: 'dapo',
  beta: 0.01,
  max_grad_norm: 2,
  warmup_ratio: 0.03,
  lr_scheduler_type: 'constant_with_warmup',
  dtype: 'bf16',
  answer: 'boxed',
  reward: 'correct',
};

describe('every recipe', () => {
  it.each(files)('%s is a configuration, and names a run folder of its own', (name) => {
    const config = parseTrainConfig(text(name), name);
    expect(config.output_dir).toMatch(/^runs\//);
    expect(text(name)).toContain('--reward random');
    const { prompt } = config;
    if (prompt?.endsWith('.yaml')) {
      const spec = parsePrompt(readFileSync(join('recipes', prompt), 'utf8'), prompt);
      expect(renderPrompt(spec, { question: 'How many?' })).toMatch(/How many\?\nAnswer:$/);
      expect(config.answer).toBe('last_number');
    } else if (prompt !== undefined) expect(promptFromSetting(prompt)).toBeDefined();
  });

  it('has a run folder that no other has', () => {
    const folders = files.map((name) => parseTrainConfig(text(name), name).output_dir);
    expect(new Set(folders).size).toBe(files.length);
  });
});

describe.each(Object.entries(PAPER))('the paper’s runs of %s', (key, own) => {
  it.each(['gsm8k', 'math'])('%s gives every field that the paper gives, with its value', (data) => {
    const name = `${key}-${data}.yaml`;
    const expected = { ...ALL, ...own };
    expect(parse(text(name))).toMatchObject(expected);
    // Steps follow from the epochs, as the number of problems is not known yet.
    expect(parseTrainConfig(text(name), name)).toMatchObject({ ...expected, max_steps: 0 });
    expect(text(name)).toContain('arxiv.org/abs/2505.18706v1');
  });
});

describe('the small-machine ladder', () => {
  it('begins with the demonstration as it is shipped', () => {
    const recipe = parse(text('demo.yaml'));
    expect(recipe).toMatchObject(parse(readFileSync('models/demo/train.yaml', 'utf8')));
    expect(existsSync(recipe.model)).toBe(true);
  });

  it('goes on with SmolLM2 on MAWPS and on GSM8K', () => {
    for (const name of ['smollm2-135m-mawps.yaml', 'smollm2-135m-gsm8k.yaml']) expect(files).toContain(name);
  });
});
