import { UserError } from '../gpu/errors.ts';
import type { ConfigField, TrainConfig } from './config.ts';

/** Where a configuration came from, with the line of a key where there is one. */
export type At = (key?: string) => string;

/** Fields that only one method reads. */
const RL_ONLY: readonly (keyof TrainConfig)[] = [
  'preset',
  'reward',
  'advantage',
  'scale_rewards',
  'loss_type',
  'beta',
  'kl_in_reward',
  'num_iterations',
  'importance_sampling_level',
  'epsilon',
  'epsilon_high',
  'dynamic_sampling',
  'max_resamples',
  'soft_punish_cache',
  'mask_truncated_completions',
  'reuse_activations',
  'activation_dtype',
];
const ONLY: Readonly<Record<TrainConfig['method'], readonly (keyof TrainConfig)[]>> = {
  rl: RL_ONLY,
  sft: [],
  dpo: ['dpo_beta'],
  upft: ['prefix_length'],
};

/** @throws UserError for fields that contradict each other, with the way out */
export function refuseContradictions(config: TrainConfig, fields: readonly ConfigField[], at: At): void {
  const fallback = (key: keyof TrainConfig) => fields.find((field) => field.name === key)?.default;
  const refuse = (key: keyof TrainConfig, why: string): never => {
    throw new UserError(`${at(key)}: ${key} is ${config[key]}; ${why}`);
  };

  for (const [key, off] of [
    ['top_p', 1],
    ['top_k', 0],
  ] as const) {
    if (config[key] === off) continue;
    refuse(
      key,
      `training samples from the whole distribution, because the loss takes its log-probabilities. Leave ${key} at ${off} (temperature is free).`,
    );
  }
  for (const [method, keys] of Object.entries(ONLY)) {
    const stray = keys.find((key) => method !== config.method && config[key] !== fallback(key));
    if (stray) refuse(stray, `method ${config.method} does not read it. Leave it out, or set method to ${method}.`);
  }
  if (config.method === 'rl') refuseObjective(config, refuse);
  if (!config.dynamic_sampling && config.max_resamples !== fallback('max_resamples')) {
    refuse('max_resamples', 'it counts rounds of dynamic_sampling, which is off. Set dynamic_sampling to true.');
  }
  if (config.early_stopping_patience > 0 && config.eval_steps === 0) {
    refuse('early_stopping_patience', 'it counts evaluations, and eval_steps is 0. Set eval_steps.');
  }
}

function refuseObjective(config: TrainConfig, refuse: (key: keyof TrainConfig, why: string) => never): void {
  if (config.num_generations < 2) {
    refuse(
      'num_generations',
      'a completion is compared with the others of its prompt, alone it teaches nothing. Set num_generations to 2 or more.',
    );
  }
  if (config.loss_type === 'dr_grpo' && config.scale_rewards !== 'none') {
    refuse(
      'scale_rewards',
      'loss_type dr_grpo is defined without scaling. Set scale_rewards to none, or another loss_type.',
    );
  }
  if (config.kl_in_reward && config.beta === 0) {
    refuse('kl_in_reward', 'beta, its weight, is 0. Set beta, or leave kl_in_reward out.');
  }
  if (config.soft_punish_cache > config.max_completion_length) {
    refuse(
      'soft_punish_cache',
      `it lies within max_completion_length (${config.max_completion_length}). Set it lower, to a fifth of that for instance.`,
    );
  }
}
