/** Fields of the objective by preset. Sources: docs/training.md. */
const PRESETS = {
  /** Sinii et al., arXiv 2505.18706, as the released configurations have it. */
  paper: () => ({ advantage: 'mean', scale_rewards: 'none', loss_type: 'dapo', beta: 0.01, max_grad_norm: 2 }),
  /** Shao et al., arXiv 2402.03300. */
  grpo: () => ({ advantage: 'mean', scale_rewards: 'group', loss_type: 'grpo', epsilon: 0.2, beta: 0.04 }),
  /** Liu et al., arXiv 2503.20783. */
  dr_grpo: () => ({ advantage: 'mean', scale_rewards: 'none', loss_type: 'dr_grpo', epsilon: 0.2, beta: 0 }),
  /** Yu et al., arXiv 2503.14476; the last fifth of a completion is punished there. */
  dapo: (maxCompletionLength: number) => ({
    advantage: 'mean',
    scale_rewards: 'group',
    loss_type: 'dapo',
    epsilon: 0.2,
    epsilon_high: 0.28,
    beta: 0,
    dynamic_sampling: true,
    soft_punish_cache: Math.floor(maxCompletionLength / 5),
  }),
  /** TRL's RLOOTrainer: Ahmadian et al., arXiv 2402.14740, with a clipped ratio of whole completions. */
  rloo_trl: () => ({
    advantage: 'rloo',
    scale_rewards: 'none',
    loss_type: 'grpo',
    importance_sampling_level: 'sequence_sum',
    epsilon: 0.2,
    beta: 0.05,
    kl_in_reward: true,
  }),
} as const;

type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

/** What the preset of a configuration, given as it was written, fills in. */
export function presetFields(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { preset, max_completion_length: length } = given;
  if (typeof preset !== 'string' || !Object.hasOwn(PRESETS, preset)) return {};
  return PRESETS[preset as PresetName](typeof length === 'number' ? length : DEFAULT_LENGTH);
}

/** `max_completion_length` where it is not given. */
const DEFAULT_LENGTH = 256;
