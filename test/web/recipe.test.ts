import { beforeEach, describe, expect, it } from 'vitest';
import { configFields, parseTrainConfig } from '../../src/train/config.ts';
import {
  checked,
  configYaml,
  ELSEWHERE,
  enter,
  entered,
  enterYaml,
  type FieldName,
  GROUPS,
  given,
  MAIN,
  problemIn,
  suggest,
  toYaml,
} from '../../web/views/train/recipe.ts';

beforeEach(() => {
  suggest(undefined);
  entered.value = {};
});

describe('the recipe of a run', () => {
  it('has a place for every field of the configuration, and one alone', () => {
    const placed = [...MAIN, 'reward', ...Object.values(GROUPS).flat(), ...ELSEWHERE];
    expect(placed.toSorted()).toEqual(
      configFields()
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  it('reads what is typed as the value that it means', () => {
    const typed: Partial<Record<FieldName, string>> = {
      learning_rate: '3e-2',
      dedupe: 'false',
      layers: '0-2,4',
      stop: 'Question:',
      layer_learning_rates: '{2: 0.01}',
      prompt: '12',
      memory_budget: '4GiB',
    };
    for (const [name, text] of Object.entries(typed)) enter(name as FieldName, text);
    expect(checked.value.config).toEqual(
      parseTrainConfig(
        {
          ...{ learning_rate: 0.03, dedupe: false, layers: [0, 1, 2, 4], stop: ['Question:'], prompt: '12' },
          ...{ layer_learning_rates: { 2: 0.01 }, memory_budget: '4GiB' },
        },
        'the test',
      ),
    );
  });

  it('names the field of a mistake, its own and those that the engine finds', () => {
    enter('max_steps', 'many');
    expect(checked.value.problem).toEqual({
      field: 'max_steps',
      message: 'max_steps is "many"; expected a whole number of at least 1.',
    });
    expect(problemIn('layers names layer 6, and the model has layers 0 to 5.').field).toBe('layers');
    expect(problemIn('settings: reward is my.js; the page has three.')).toEqual({
      field: 'reward',
      message: 'reward is my.js; the page has three.',
    });
    expect(problemIn('sums.csv: row 3 has 1 values').field).toBeUndefined();
  });

  it('is the same after it was copied as YAML and pasted', () => {
    enter('layers', '[0, 3]');
    enter('stop', '["\\n", "Question:"]');
    enter('reward', 'random');
    const [values, yaml] = [given.value, toYaml()];
    entered.value = {};
    enterYaml(yaml);
    expect(given.value).toEqual(values);
    expect(() => enterYaml('max_steps: 4\nsed: 1\n')).toThrow('YAML:2: unknown key sed; did you mean seed?');
    expect(given.value).toEqual(values);
  });

  it('takes what a model suggests over what the page does', () => {
    suggest('max_steps: 12\neval_size: 8\n');
    expect(given.value).toMatchObject({ max_steps: 12, eval_size: 8, eval_steps: 10 });
  });

  it('keeps what was typed while the first model was loading, and nothing of it for another model', () => {
    enter('max_steps', '4');
    suggest('max_steps: 12\nseed: 3\n', true);
    expect(given.value).toMatchObject({ max_steps: 4, seed: 3 });
    suggest('max_steps: 12\n');
    expect(given.value.max_steps).toBe(12);
  });

  it('shows of a configuration what is not as it is by default', () => {
    expect(configYaml(parseTrainConfig({ seed: 7, beta: 0 }, 'the test'))).toBe('seed: 7\n');
  });
});
