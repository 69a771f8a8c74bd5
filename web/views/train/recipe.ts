import { computed, signal } from '@preact/signals';
import { parse, stringify } from 'yaml';
import { type ConfigField, configFields, parseTrainConfig, type TrainConfig } from '../../../src/train/config.ts';

export type FieldName = keyof TrainConfig;

/** The form's groups and their fields; the first of each is what one changes first. */
export const GROUPS: Readonly<Record<string, readonly FieldName[]>> = {
  Task: [
    'prompt',
    'answer',
    'stop',
    'question_key',
    'answer_key',
    'eval_split',
    'dedupe',
    'overlap',
    'baseline_prompt',
  ],
  Rollout: ['max_completion_length', 'temperature', 'dynamic_sampling', 'max_resamples', 'top_p', 'top_k'],
  Objective: [
    'preset',
    'method',
    'advantage',
    'scale_rewards',
    'loss_type',
    'beta',
    'kl_in_reward',
    'num_iterations',
    'importance_sampling_level',
    'epsilon',
    'epsilon_high',
    'mask_truncated_completions',
    'soft_punish_cache',
    'prefix_length',
  ],
  Optimiser: [
    'lr_scheduler_type',
    'warmup_ratio',
    'max_grad_norm',
    'adam_beta1',
    'adam_beta2',
    'adam_epsilon',
    'num_train_epochs',
  ],
  Vectors: ['layers', 'layer_learning_rates', 'steering_scale'],
  Memory: ['memory_budget', 'max_tokens_per_microbatch', 'recompute', 'reuse_activations', 'activation_dtype'],
  Saving: ['eval_steps', 'metric_for_best_model', 'early_stopping_patience', 'save_steps', 'logging_steps'],
};

/** What matters first; `reward` has a control of its own. */
export const MAIN: readonly FieldName[] = [
  'max_steps',
  'num_prompts',
  'num_generations',
  'learning_rate',
  'eval_size',
  'seed',
];

/** Fields that the page decides elsewhere: by the model that is loaded, the problems that are chosen, the run's own name. */
export const ELSEWHERE: readonly FieldName[] = [
  'model',
  'data',
  'eval_data',
  'output_dir',
  'dtype',
  'kv_cache_dtype',
  'dpo_beta',
];

const FIELDS: ReadonlyMap<string, ConfigField> = new Map(configFields().map((field) => [field.name, field]));

export function fieldOf(name: FieldName): ConfigField {
  const field = FIELDS.get(name);
  if (!field) throw new Error(`there is no field ${name}`);
  return field;
}

/** What stands in the form where nothing is said by the model: enough held-out problems to tell, and a look at them now and then. */
const SUGGESTED = { eval_size: '64', eval_steps: '10', save_steps: '5' } as const;

/** What was entered, by field, as it was typed; the rest has its default. */
export const entered = signal<Readonly<Record<string, string>>>(SUGGESTED);

/** What was typed since the last suggestions: those of a model that takes its time to load must not undo it. */
let typed: Readonly<Record<string, string>> = {};

/** Whether what stands in a field is the page's suggestion, and nobody's choice. */
export function isSuggested(name: keyof typeof SUGGESTED): boolean {
  return !(name in typed) && entered.value[name] === SUGGESTED[name];
}

/** The entries as values. */
export const given = computed(() =>
  Object.fromEntries(
    Object.entries(entered.value)
      .filter(([, text]) => text.trim() !== '')
      .map(([name, text]) => [name, readEntry(name as FieldName, text)]),
  ),
);

/** A mistake in the entries, and the field that it is in. */
export interface FieldProblem {
  readonly field: FieldName | undefined;
  readonly message: string;
}

export interface Checked {
  readonly config?: TrainConfig;
  readonly problem?: FieldProblem;
}

/** The configuration that the entries make, or what is wrong with them. */
export const checked = computed((): Checked => {
  try {
    return { config: parseTrainConfig(given.value, WHERE) };
  } catch (error) {
    return { problem: problemIn((error as Error).message) };
  }
});

const WHERE = 'settings';

/** The field that a message of `parseTrainConfig`, or of the engine about the settings, speaks of. */
export function problemIn(message: string): FieldProblem {
  const [, name = ''] = /^(?:settings: )?(\w+) (?:is|has|names) /.exec(message) ?? [];
  const field = FIELDS.has(name) ? (name as FieldName) : undefined;
  return { field, message: message.replace(/^settings: /, '') };
}

/** Enters a text in a field; an empty one leaves it to its default. */
export function enter(name: FieldName, text: string): void {
  typed = { ...typed, [name]: text };
  const { [name]: _, ...others } = entered.value;
  entered.value = text === '' ? others : { ...others, [name]: text };
}

/** Takes the entries of a YAML text in place of all there are. @throws what `parseTrainConfig` finds in it, with its lines */
export function enterYaml(yaml: string): void {
  parseTrainConfig(yaml, 'YAML');
  const fields = (parse(yaml) ?? {}) as Record<string, unknown>;
  entered.value = Object.fromEntries(
    Object.entries(fields)
      .filter(([name, value]) => value !== undefined && value !== null && !ELSEWHERE.includes(name as FieldName))
      .map(([name, value]) => [name, textOf(value)]),
  );
}

/**
 * A model's own configuration, with what the page suggests beside it. The page's first model leaves what was typed before it
 * came (`keepTyped`); another model's begins anew.
 */
export function suggest(yaml: string | undefined, keepTyped = false): void {
  const kept = keepTyped ? typed : {};
  if (yaml !== undefined) enterYaml(yaml);
  else entered.value = {};
  entered.value = { ...SUGGESTED, ...entered.value };
  for (const [name, text] of Object.entries(kept)) enter(name as FieldName, text);
  typed = {};
}

/** The entries as YAML. */
export function toYaml(): string {
  return Object.keys(given.value).length === 0 ? '' : stringify(given.value);
}

/** What of a configuration is not as it is by default, as YAML. */
export function configYaml(config: TrainConfig): string {
  const own = configFields().flatMap(({ name, default: fallback }) => {
    const value = config[name];
    return value === undefined || textOf(value) === textOf(fallback) ? [] : [[name, value] as const];
  });
  return stringify(Object.fromEntries(own));
}

/** How a value is typed into a field. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function readEntry(name: FieldName, text: string): unknown {
  const { kind } = fieldOf(name);
  if (kind === 'flag') return text === 'true' ? true : text === 'false' ? false : text;
  if (kind === 'integer' || kind === 'number') return Number.isNaN(Number(text)) ? text : Number(text);
  if (kind === 'yaml') return yamlValue(name, text);
  return text;
}

/** Lists are easier typed without brackets: layers 0-5,9, and one text that ends a completion. */
function yamlValue(name: FieldName, text: string): unknown {
  if (name === 'layers' && /^[\d\s,-]+$/.test(text)) return text;
  if (name === 'stop' && !text.startsWith('[')) return [text];
  try {
    return parse(text);
  } catch {
    return text;
  }
}
