import * as v from 'valibot';
import { choice, flag, fraction, integer, note, positive } from './fields.ts';
import { PRESET_NAMES } from './presets.ts';

/** How the vectors are trained. */
export const METHOD_FIELDS = {
  method: choice(
    ['rl', 'sft', 'dpo', 'upft'],
    'rl',
    '`rl`: rewards on own samples; `sft`: worked solutions of `data`; `dpo`: pairs (chosen, rejected) of `data`; `upft`: the beginnings of own samples.',
  ),
  preset: note(
    v.optional(v.picklist(PRESET_NAMES)),
    'choice',
    `one of ${PRESET_NAMES.join(', ')}`,
    '`paper`, `grpo`, `dr_grpo`, `dapo`, `rloo_trl`: defaults of the objective as that paper or TRL has them; fields that are given win.',
    PRESET_NAMES,
  ),
};

/** The objective beyond the paper's. */
export const OBJECTIVE_FIELDS = {
  kl_in_reward: flag(
    false,
    "`beta` times a completion's whole log-ratio to the model without vectors is taken off its reward, as in TRL's RLOOTrainer, instead of k3 in the loss.",
  ),
  num_iterations: integer(
    1,
    1,
    'Updates for each rollout. Beyond the first the importance ratio to the vectors before it is clipped by `epsilon`.',
  ),
  importance_sampling_level: choice(
    ['token', 'sequence', 'sequence_sum'],
    'token',
    "What the ratio is taken over: each `token`; `sequence`, its mean over a completion (GSPO, TRL's GRPOTrainer); `sequence_sum` (TRL's RLOOTrainer).",
  ),
  epsilon: fraction(0.2, 'The ratio is clipped from below at 1 - epsilon, and from above at 1 + epsilon.'),
  epsilon_high: note(
    v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0))),
    'number',
    'a number above 0',
    'The ratio is clipped from above at 1 + epsilon_high; `epsilon` otherwise.',
  ),
  dynamic_sampling: flag(
    false,
    'Replace prompts whose completions all earn the same by further prompts (DAPO), up to `max_resamples` times a step.',
  ),
  max_resamples: integer(1, 3, 'Rounds of further prompts in a step with `dynamic_sampling`.'),
  soft_punish_cache: integer(
    0,
    0,
    'Over so many last tokens before `max_completion_length` the reward falls linearly by up to 1 (DAPO). 0 is off.',
  ),
  dpo_beta: positive(0.1, 'method dpo: how strongly the log-ratios to the model without vectors count.'),
  prefix_length: integer(1, 8, 'method upft: first tokens of a sample that are learned.'),
};

/** Evaluation while training, and what it decides. */
export const SELECTION_FIELDS = {
  eval_steps: integer(0, 0, 'Steps between evaluations while training; the best vectors are kept. 0 is off.'),
  metric_for_best_model: choice(['greedy', 'sampled'], 'greedy', 'Whose accuracy decides which vectors are the best.'),
  early_stopping_patience: integer(0, 0, 'Stop after so many evaluations in a row without a new best. 0 never stops.'),
};
