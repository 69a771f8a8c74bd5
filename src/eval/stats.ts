import { DOMAIN, philox4x32, toIndex } from '../gpu/philox.ts';

/** An accuracy with its 95 % interval: shares from 0 to 1, n problems. */
export interface Accuracy {
  accuracy: number;
  lo: number;
  hi: number;
  n: number;
}

/** `sampled` at temperature 1, one completion a problem; `greedy` without chance. */
export interface AccuracyPair {
  sampled: Accuracy;
  greedy: Accuracy;
}

/** Standard normal quantile of 97.5 %. */
const Z95 = 1.959963984540054;

/**
 * Wilson's score interval of a share (Wilson 1927; Brown, Cai and DasGupta 2001, without continuity correction).
 * Only for one completion a problem: several samples of one problem are not independent, see `bootstrap`.
 * @param successes 0 to n
 * @returns shares within [0, 1]; [0, 1] for n = 0
 */
export function wilson(successes: number, n: number, z = Z95): { lo: number; hi: number } {
  if (n === 0) return { lo: 0, hi: 1 };
  const share = successes / n;
  const centre = share + (z * z) / (2 * n);
  const spread = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  // The ends are 0 and 1 exactly where nothing or everything succeeded; rounding would leave them beside that.
  return {
    lo: successes === 0 ? 0 : Math.max(0, (centre - spread) / scale),
    hi: successes === n ? 1 : Math.min(1, (centre + spread) / scale),
  };
}

/** Accuracy of one completion a problem with Wilson's interval. */
export function accuracy(verdicts: readonly boolean[]): Accuracy {
  const n = verdicts.length;
  const successes = verdicts.filter(Boolean).length;
  return { accuracy: n === 0 ? 0 : successes / n, ...wilson(successes, n), n };
}

/** Arithmetic mean; 0 for nothing. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
}

/** Quantile q in [0, 1] of ascending values, by linear interpolation between order statistics (type 7, numpy's default). */
export function quantileOf(sorted: ArrayLike<number>, q: number): number {
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)] ?? 0, sorted[Math.ceil(at)] ?? 0];
  return low + (high - low) * (at - Math.floor(at));
}

export interface BootstrapOptions {
  readonly seed?: number;
  readonly resamples?: number;
  readonly level?: number;
}

/**
 * Percentile bootstrap of the means of several scores (Efron 1979): whole problems are drawn again with all that belongs to
 * them, so that samples of one problem may depend on each other, and all columns are drawn alike.
 * @param columns each a score for every problem, in one order of the problems
 * @returns for each column its mean and the interval; [0, 1] without problems
 */
export function bootstrapMeans(
  columns: readonly (readonly number[])[],
  options: BootstrapOptions = {},
): { mean: number; lo: number; hi: number }[] {
  const { seed = 0, resamples = 2000, level = 0.95 } = options;
  const n = columns[0]?.length ?? 0;
  if (n === 0) return columns.map(() => ({ mean: 0, lo: 0, hi: 1 }));
  const means = columns.map(() => new Float64Array(resamples));
  const drawn = new Uint32Array(n);
  for (let resample = 0; resample < resamples; resample += 1) {
    for (let block = 0; block * 4 < n; block += 1) {
      const words = philox4x32([resample, block, 0, 0], [seed, DOMAIN.BOOTSTRAP]);
      for (let i = 0; i < Math.min(4, n - block * 4); i += 1) drawn[block * 4 + i] = toIndex(words[i] as number, n);
    }
    for (const [c, scores] of columns.entries()) {
      let sum = 0;
      for (const problem of drawn) sum += scores[problem] as number;
      (means[c] as Float64Array)[resample] = sum / n;
    }
  }
  return columns.map((scores, c) => {
    const sorted = (means[c] as Float64Array).sort();
    const at = (q: number) => quantileOf(sorted, q);
    return { mean: mean(scores), lo: at((1 - level) / 2), hi: at((1 + level) / 2) };
  });
}

/**
 * Mean over problems of the mean over their samples, with the interval of `bootstrapMeans`.
 * @param problems for each problem the values (0 or 1, or scores) of its samples, at least one each
 */
export function bootstrap(
  problems: readonly (readonly number[])[],
  options: BootstrapOptions = {},
): { mean: number; lo: number; hi: number } {
  return bootstrapMeans([problems.map(mean)], options)[0] as { mean: number; lo: number; hi: number };
}
