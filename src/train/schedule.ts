interface ScheduleOptions {
  learning_rate: number;
  lr_scheduler_type: 'constant_with_warmup' | 'constant' | 'linear' | 'cosine';
  /** Share of all steps. */
  warmup_ratio: number;
  max_steps: number;
}

/** Sets `max_steps` where the configuration counts in epochs: steps that see each of the problems `num_train_epochs` times, rounded up. */
export function withSteps<C extends { max_steps: number; num_train_epochs?: number | undefined; num_prompts: number }>(
  config: C,
  problems: number,
): C {
  if (config.max_steps > 0) return config;
  const steps = Math.ceil(((config.num_train_epochs ?? 1) * problems) / config.num_prompts);
  return { ...config, max_steps: Math.max(1, steps) };
}

/** Warm-up steps W = ceil(warmup_ratio * max_steps); saved with a checkpoint, so that a longer resumed run keeps its W. */
export function warmupSteps(options: ScheduleOptions): number {
  return options.lr_scheduler_type === 'constant' ? 0 : Math.ceil(options.warmup_ratio * options.max_steps);
}

/**
 * Learning rate of step t (from 0): lr * min(1, (t + 1) / W), so that the first step already learns; then constant, or
 * falling to 0 after the last step along a line or half a cosine.
 * @param warmup W as it was at the run's start
 */
export function learningRate(t: number, options: ScheduleOptions, warmup: number = warmupSteps(options)): number {
  const peak = options.learning_rate;
  if (t < warmup) return (peak * (t + 1)) / warmup;
  const progress = Math.min(1, (t - warmup) / Math.max(1, options.max_steps - warmup));
  if (options.lr_scheduler_type === 'linear') return peak * (1 - progress);
  if (options.lr_scheduler_type === 'cosine') return (peak * (1 + Math.cos(Math.PI * progress))) / 2;
  return peak;
}
