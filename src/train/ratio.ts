import type { TrainConfig } from './config.ts';
import type { Logps } from './micro_batch.ts';

/**
 * Over what the importance ratio is taken: each token; the geometric mean over a completion (`sequence`, GSPO, as in TRL's
 * GRPOTrainer); the product over a completion (`sequence_sum`, as in TRL's RLOOTrainer).
 */
export type RatioLevel = TrainConfig['importance_sampling_level'];

export interface RatioOptions {
  readonly level: RatioLevel;
  /** The ratio is clipped to [1 - epsilonLow, 1 + epsilonHigh]. */
  readonly epsilonLow: number;
  readonly epsilonHigh: number;
  /** Log-probabilities before the first update of the rollout. Absent in the first: the ratio is 1 then. */
  readonly old?: Logps | undefined;
}

/** Whether the ratio can be other than 1, or counts other than a token's. */
export function clipsRatio(config: Pick<TrainConfig, 'num_iterations' | 'importance_sampling_level'>): boolean {
  return config.num_iterations > 1 || config.importance_sampling_level !== 'token';
}

interface Rated {
  readonly completions: readonly (readonly number[])[];
  readonly advantages: readonly number[];
  readonly inLoss?: readonly boolean[];
}

/**
 * Shares of what the clip cut off, as TRL's `clip_ratio/low_mean` and `clip_ratio/high_mean` count it: ratios below the
 * clip where the advantage is negative, and above it where it is positive; of all tokens in the loss, or of all completions.
 */
export function clipped(
  groups: readonly Rated[],
  logp: Logps,
  ratio: RatioOptions | undefined,
): { low: number; high: number } {
  if (!ratio?.old) return { low: 0, high: 0 };
  const counts = { low: 0, high: 0, all: 0 };
  groups.forEach((group, g) => {
    group.completions.forEach((ids, c) => {
      if (ids.length === 0 || group.inLoss?.[c] === false) return;
      counts.all += ratio.level === 'token' ? ids.length : 1;
      const [now, old] = [logp[g]?.[c], ratio.old?.[g]?.[c]];
      if (!now || !old) return;
      const advantage = group.advantages[c] as number;
      for (const value of ratios(now, old, ratio.level)) {
        if (advantage < 0 && value < 1 - ratio.epsilonLow) counts.low++;
        if (advantage > 0 && value > 1 + ratio.epsilonHigh) counts.high++;
      }
    });
  });
  const all = Math.max(1, counts.all);
  return { low: counts.low / all, high: counts.high / all };
}

function ratios(now: Float32Array, old: Float32Array, level: RatioLevel): number[] {
  const differences = Array.from(now, (x, t) => x - (old[t] as number));
  if (level === 'token') return differences.map(Math.exp);
  const sum = differences.reduce((a, b) => a + b, 0);
  return [Math.exp(level === 'sequence' ? sum / differences.length : sum)];
}
