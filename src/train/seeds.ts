import { mean } from '../eval/stats.ts';
import { sampleStd } from './advantage.ts';
import type { RunSummary } from './rundir.ts';

/** A mean over seeds with its 95 % interval. */
export interface SeedInterval {
  readonly mean: number;
  readonly lo: number;
  readonly hi: number;
  /** Sample standard deviation. */
  readonly std: number;
  /** Seeds. */
  readonly n: number;
}

/** 97.5 % quantiles of Student's t with 1 to 30 degrees of freedom. */
const T975 = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448, 2.1314,
  2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
];
const Z975 = 1.959963984540054;

/** 97.5 % quantile of Student's t: the table, and beyond it the expansion in 1/df (Abramowitz & Stegun 26.7.5). */
export function tQuantile(df: number): number {
  const listed = T975[df - 1];
  if (listed !== undefined) return listed;
  const z = Z975;
  return z + (z ** 3 + z) / (4 * df) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * df ** 2);
}

/** Mean with Student's interval; one value alone has the interval of all that it could be, -Infinity to Infinity. */
export function seedInterval(values: readonly number[]): SeedInterval {
  const n = values.length;
  const [centre, std] = [mean(values), sampleStd(values)];
  const half = n < 2 ? Number.POSITIVE_INFINITY : (tQuantile(n - 1) * std) / Math.sqrt(n);
  return { mean: centre, lo: centre - half, hi: centre + half, std, n };
}

const MEASURED = ['base', 'prompted', 'steered', 'best'] as const;
type Modes = Readonly<Record<'greedy' | 'sampled', SeedInterval>>;

/** summary.json of several seeds: what each measured, and over them mean and interval. */
export interface SeedsSummary extends Partial<Readonly<Record<(typeof MEASURED)[number], Modes>>> {
  /** Steered minus base of the same seed. */
  readonly gain?: Modes;
  readonly seeds: readonly number[];
  readonly runs: readonly RunSummary[];
  readonly seconds: number;
}

/** @param runs of at least two seeds */
export function seedsSummary(runs: readonly RunSummary[]): SeedsSummary {
  const modes = (value: (run: RunSummary, mode: keyof Modes) => number | undefined): Modes | undefined => {
    const [greedy, sampled] = (['greedy', 'sampled'] as const).map((mode) => {
      const values = runs.map((run) => value(run, mode)).filter((x) => x !== undefined);
      return values.length === runs.length ? seedInterval(values) : undefined;
    });
    return greedy && sampled && { greedy, sampled };
  };
  const all = MEASURED.map((which) => [which, modes((run, mode) => run[which]?.[mode].accuracy)] as const);
  const gain = modes((run, mode) =>
    run.base && run.steered ? run.steered[mode].accuracy - run.base[mode].accuracy : undefined,
  );
  return {
    ...Object.fromEntries(all.filter(([, value]) => value !== undefined)),
    ...(gain && { gain }),
    seeds: runs.map((run) => run.seed),
    runs,
    seconds: runs.reduce((sum, run) => sum + run.seconds, 0),
  };
}
