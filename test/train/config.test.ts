import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/gpu/errors.ts';
import { configFields, parseTrainConfig } from '../../src/train/config.ts';

const fails = (source: string | object) => {
  try {
    parseTrainConfig(source, 'run.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error(`accepted ${JSON.stringify(source)}`);
};

describe('parseTrainConfig', () => {
  it('fills in the published defaults', () => {
    const config = parseTrainConfig('', 'run.yaml');
    expect(config).toMatchObject({
      advantage: 'rloo',
      scale_rewards: 'none',
      loss_type: 'dapo',
      beta: 0,
      max_grad_norm: 2,
      warmup_ratio: 0.03,
      lr_scheduler_type: 'constant_with_warmup',
      adam_beta1: 0.9,
      adam_beta2: 0.999,
      adam_epsilon: 1e-8,
      temperature: 1,
      top_p: 1,
      top_k: 0,
      answer: 'boxed',
      reward: 'correct',
      layers: 'all',
    });
    expect(config.model).toBeUndefined();
  });

  it('reads YAML, JSON text and objects alike', () => {
    const expected = parseTrainConfig({ learning_rate: 0.03, layers: [3, 4], stop: ['\n'] }, 'flags');
    expect(parseTrainConfig('learning_rate: 0.03\nlayers: [3, 4]\nstop: ["\\n"]\n', 'a.yaml')).toEqual(expected);
    expect(parseTrainConfig('\uFEFF{"learning_rate": 3e-2, "layers": [3, 4], "stop": ["\\n"]}', 'a.json')).toEqual(
      expected,
    );
  });

  it('names the nearest key and the line for an unknown one', () => {
    expect(fails('seed: 1\nlearning_rte: 0.1\n')).toBe(
      'run.yaml:2: unknown key learning_rte; did you mean learning_rate?',
    );
    expect(fails({ num_generation: 4 })).toBe('run.yaml: unknown key num_generation; did you mean num_generations?');
    expect(fails('xyzzy_frobnicate_it: 1')).toContain('known keys: model, data');
    expect(fails({ constructor: 1 })).toContain('unknown key constructor');
  });

  it.each([
    ['max_steps: 0', 'run.yaml:1: max_steps is 0; expected a whole number of at least 1.'],
    ['max_steps: 2.5', 'max_steps is 2.5; expected a whole number'],
    ['max_steps: "40"', 'max_steps is "40"; expected a whole number'],
    ['learning_rate: -1', 'learning_rate is -1; expected a number above 0.'],
    ['learning_rate: .nan', 'learning_rate is'],
    ['learning_rate: .inf', 'learning_rate is'],
    ['learning_rate: fast', 'learning_rate is "fast"; expected a number above 0.'],
    ['adam_beta1: 1', 'adam_beta1 is 1; expected a number from 0 to below 1.'],
    ['advantage: gae', 'advantage is "gae"; expected one of rloo, mean.'],
    ['seed: -1', 'seed is -1; expected a whole number from 0 to 4294967295.'],
    ['seed: 4294967296', 'seed is 4294967296'],
    ['layers: []', 'layers is []; expected all, or a list'],
    ['layers: [1, 1]', 'layers is [1,1]; expected all, or a list of different layer numbers'],
    ['layers: some', 'layers is "some"; expected all'],
    ['reward: corect', 'reward is "corect"; expected correct, random, format, or the path of a module'],
    ['memory_budget: lots', 'memory_budget is "lots"; expected a size such as 4GiB'],
    ['mask_truncated_completions: 1', 'expected true or false'],
    ['stop: "x"', 'stop is "x"; expected a list of texts'],
    ['stop: [""]', 'expected a list of texts'],
    ['top_k: 50', 'top_k is 50; training samples from the whole distribution'],
    ['top_p: 0.9', 'top_p is 0.9; training samples from the whole distribution'],
    ['num_generations: 1', 'Set num_generations to 2 or more'],
    ['loss_type: dr_grpo\nscale_rewards: group', 'run.yaml:2: scale_rewards is group'],
    ['layers: 3-1', 'layers is "3-1"; expected all, or a list'],
    ['layers: 0-2,1', 'expected all, or a list of different layer numbers'],
    ['layer_learning_rates: {one: 0.1}', 'expected learning rates above 0 by layer'],
    ['layer_learning_rates: [0]', 'expected learning rates above 0 by layer'],
    ['preset: ppo', 'preset is "ppo"; expected one of paper, grpo, dr_grpo, dapo, rloo_trl.'],
    ['preset: dr_grpo\nscale_rewards: group', 'run.yaml:2: scale_rewards is group'],
    ['preset: dapo\nmethod: sft', 'run.yaml:1: preset is dapo; method sft does not read it'],
    ['method: upft\nnum_iterations: 2', 'run.yaml:2: num_iterations is 2; method upft does not read it'],
    ['dpo_beta: 0.3', 'method rl does not read it. Leave it out, or set method to dpo.'],
    ['epsilon: 1', 'epsilon is 1; expected a number from 0 to below 1.'],
    ['kl_in_reward: true', 'kl_in_reward is true; beta, its weight, is 0'],
    ['max_resamples: 9', 'Set dynamic_sampling to true'],
    ['soft_punish_cache: 300', 'it lies within max_completion_length (256)'],
    ['early_stopping_patience: 2', 'eval_steps is 0. Set eval_steps.'],
    ['- 1', 'keys with values were expected'],
    ['seed: [1', 'run.yaml:1: this is not YAML'],
    ['seed: 1\nseed: 2', 'this is not YAML'],
  ])('refuses %j in one sentence', (source, message) => {
    expect(fails(source)).toContain(message);
  });

  it('reads layers as a list, as ranges, or as one number', () => {
    const layers = (value: unknown) => parseTrainConfig({ layers: value } as object, '').layers;
    expect(layers([3, 1])).toEqual([3, 1]);
    expect(layers('0-3, 9')).toEqual([0, 1, 2, 3, 9]);
    expect(layers(5)).toEqual([5]);
    expect(layers('all')).toBe('all');
  });

  it('lets one completion a problem be enough where nothing is compared', () => {
    expect(parseTrainConfig({ method: 'upft', num_generations: 1 }, '').num_generations).toBe(1);
  });

  it('takes the path of a module as the reward', () => {
    expect(parseTrainConfig({ reward: './short.mjs' }, '').reward).toBe('./short.mjs');
  });

  it('refuses YAML whose aliases grow without end, or hold themselves', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe'])
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${of}`)}]`);
    expect(() => parseTrainConfig(bomb.join('\n'), 'f')).toThrow('f: this YAML cannot be read: Excessive alias count');
    expect(() => parseTrainConfig('stop: &a [*a]', 'f')).toThrow(
      'f:1: stop is a list that is too deep, or holds itself',
    );
  });

  it('treats null and undefined as left out', () => {
    expect(parseTrainConfig({ seed: undefined, max_steps: null }, '')).toEqual(parseTrainConfig({}, ''));
  });
});

describe('presets', () => {
  const preset = (fields: object) => parseTrainConfig(fields, '');

  it('fill in what their papers say', () => {
    expect(preset({ preset: 'paper' })).toMatchObject({ advantage: 'mean', loss_type: 'dapo', beta: 0.01 });
    expect(preset({ preset: 'grpo' })).toMatchObject({ scale_rewards: 'group', loss_type: 'grpo', beta: 0.04 });
    expect(preset({ preset: 'dr_grpo' })).toMatchObject({ scale_rewards: 'none', loss_type: 'dr_grpo', beta: 0 });
    expect(preset({ preset: 'dapo', max_completion_length: 100 })).toMatchObject({
      epsilon: 0.2,
      epsilon_high: 0.28,
      scale_rewards: 'group',
      beta: 0,
      dynamic_sampling: true,
      soft_punish_cache: 20,
    });
    expect(preset({ preset: 'rloo_trl' })).toMatchObject({
      advantage: 'rloo',
      importance_sampling_level: 'sequence_sum',
      kl_in_reward: true,
      beta: 0.05,
    });
  });

  it('give way to fields that are given, and change nothing when a configuration is read back', () => {
    const config = preset({ preset: 'dapo', beta: 0.5, dynamic_sampling: false });
    expect(config).toMatchObject({ beta: 0.5, dynamic_sampling: false, epsilon_high: 0.28 });
    expect(preset(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });
});

describe('configFields', () => {
  it('describes every field of a parsed configuration and gives the default that parsing fills in', () => {
    const config = parseTrainConfig({}, '') as Record<string, unknown>;
    const fields = configFields();
    expect(Object.keys(config).every((key) => fields.some((field) => field.name === key))).toBe(true);
    for (const field of fields) {
      expect(field.description.length, field.name).toBeGreaterThan(10);
      expect(field.expected.length, field.name).toBeGreaterThan(3);
      expect(config[field.name], field.name).toEqual(field.default);
    }
  });

  it('says how each value is entered, so that a form needs no list of its own', () => {
    const odd: Record<string, unknown> = { integer: 0.5, number: 'much', flag: 'maybe', choice: 'none of them' };
    for (const { name, kind, options, expected } of configFields()) {
      expect(options !== undefined, name).toBe(kind === 'choice' || name === 'reward');
      for (const option of options ?? []) expect(expected, name).toContain(option);
      if (kind in odd) expect(() => parseTrainConfig({ [name]: odd[kind] }, ''), name).toThrow(`${name} is`);
    }
  });
});
