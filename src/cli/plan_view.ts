import type { TrainConfig } from '../train/config.ts';
import type { MemoryPlan } from '../train/memory_plan.ts';
import { formatBytes, table } from './output.ts';

/** The memory plan on one line, before a run. */
export function memoryLine(plan: MemoryPlan, config: TrainConfig): string {
  const other = config.recompute === 'none' ? 'layer' : 'none';
  return (
    `memory: at most ${formatBytes(plan.total)}: weights ${formatBytes(plan.weights)}, rollouts ${formatBytes(plan.cache + plan.generation)}, ` +
    `training passes ${formatBytes(plan.activations[config.recompute] + plan.workspace)} in micro-batches of up to ${plan.rows} tokens ` +
    `(with recompute ${other} ${formatBytes(plan.activations[other] + plan.workspace)})`
  );
}

/** All of the plan: what `--dry-run` prints. */
export function planTable(plan: MemoryPlan, config: TrainConfig): string {
  const { num_prompts, num_generations, max_completion_length, max_steps, recompute } = config;
  const used = (setting: string) => (setting === recompute ? 'set' : '');
  const rows: [string, string, string][] = [
    ['weights', formatBytes(plan.weights), `dtype ${config.dtype}`],
    ['vectors, gradient, AdamW', formatBytes(plan.optimizer), ''],
    ['rollout: keys and values', formatBytes(plan.cache), `${plan.inFlight} completions in flight`],
    ['rollout: one pass', formatBytes(plan.generation), ''],
    ['training: kept, recompute none', formatBytes(plan.activations.none), used('none')],
    ['training: kept, recompute layer', formatBytes(plan.activations.layer), used('layer')],
    ['training: gradients, logits', formatBytes(plan.workspace), `micro-batches of up to ${plan.rows} tokens`],
    [
      'at most at once',
      formatBytes(plan.total),
      config.memory_budget ? `of a budget of ${formatBytes(config.memory_budget)}` : '',
    ],
  ];
  return (
    `${max_steps} steps of ${num_prompts} problems, ${num_generations} completions each, ${max_completion_length} tokens at most\n\n` +
    table(['GPU memory', 'size', ''], rows)
  );
}
