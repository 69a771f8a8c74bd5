import { UserError } from '../gpu/errors.ts';
import type { TrainConfig } from './config.ts';

/** TRL's guard against groups without spread. */
const EPSILON = 1e-4;

/** Sample standard deviation (n - 1 below the line); 0 for fewer than two values. */
export function sampleStd(values: ArrayLike<number>): number {
  const n = values.length;
  if (n < 2) return 0;
  let total = 0;
  for (let i = 0; i < n; i += 1) total += values[i] as number;
  // Divided once: n equal values then have no spread, whatever n is.
  const mean = total / n;
  let sum = 0;
  for (let i = 0; i < n; i += 1) sum += ((values[i] as number) - mean) ** 2;
  return Math.sqrt(sum / (n - 1));
}

/**
 * Advantages of K completions each of several prompts.
 * RLOO: Ahmadian et al. 2024 (arXiv 2402.14740), A_i = r_i - mean of the other K - 1; it is the `mean` advantage times K/(K-1).
 * `scale_rewards` divides by the sample standard deviation + 1e-4 of the prompt's rewards, or of all.
 * @param rewards [prompts * K], the completions of one prompt next to each other
 * @returns [prompts * K]
 * @throws UserError when K < 2: a completion alone has nothing to be compared with
 */
export function advantages(
  rewards: ArrayLike<number>,
  k: number,
  options: Pick<TrainConfig, 'advantage' | 'scale_rewards'>,
): Float64Array {
  if (k < 2)
    throw new UserError(
      `num_generations is ${k}; the ${options.advantage} advantage needs 2 or more completions of a prompt.`,
    );
  if (rewards.length % k !== 0) throw new RangeError(`${rewards.length} rewards are no whole number of groups of ${k}`);
  const all = Float64Array.from(rewards); // [prompts * K]
  const batchStd = options.scale_rewards === 'batch' ? sampleStd(all) : 0;
  const out = new Float64Array(all.length); // [prompts * K]
  for (let start = 0; start < all.length; start += k) {
    const group = all.subarray(start, start + k);
    const sum = group.reduce((a, b) => a + b, 0);
    const std = options.scale_rewards === 'group' ? sampleStd(group) : batchStd;
    const scale = options.scale_rewards === 'none' ? 1 : 1 / (std + EPSILON);
    for (const [i, reward] of group.entries()) {
      const baseline = options.advantage === 'rloo' ? (sum - reward) / (k - 1) : sum / k;
      out[start + i] = (reward - baseline) * scale;
    }
  }
  return out;
}
