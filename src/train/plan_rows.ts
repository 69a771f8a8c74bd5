import { formatBytes } from '../gpu/bytes.ts';
import type { TrainConfig } from './config.ts';
import type { MemoryPlan } from './memory_plan.ts';

/** A part of a memory plan in words. */
export interface PlanRow {
  readonly what: string;
  readonly bytes: number;
  /** What it is for, or what chose it; may be empty. */
  readonly note: string;
}

/** A memory plan part by part, the whole last: what a terminal and a page show of it. */
export function planRows(
  plan: MemoryPlan,
  { dtype, recompute, reuse_activations, memory_budget }: TrainConfig,
): PlanRow[] {
  const row = (what: string, bytes: number, note = ''): PlanRow => ({ what, bytes, note });
  const used = (setting: string) => (setting === plan.recompute ? (recompute === 'auto' ? 'chosen' : 'set') : '');
  const kept = plan.kept.rows > 0 ? `of up to ${plan.kept.rows} tokens` : `reuse_activations ${reuse_activations}`;
  return [
    row('weights', plan.weights, `dtype ${dtype}`),
    row('vectors, gradient, AdamW', plan.optimizer),
    row('rollout: keys and values', plan.cache, `${plan.inFlight} completions in flight`),
    row('rollout: one pass', plan.generation),
    row('training: kept from the rollout', plan.kept.bytes, kept),
    row('training: kept, recompute none', plan.activations.none, used('none')),
    row('training: kept, recompute layer', plan.activations.layer, used('layer')),
    row('training: gradients, logits', plan.workspace, `micro-batches of up to ${plan.rows} tokens`),
    row(
      'at most at once',
      plan.total,
      memory_budget ? `of a budget of ${formatBytes(memory_budget)}` : 'in training; evaluations are outside of it',
    ),
  ];
}
