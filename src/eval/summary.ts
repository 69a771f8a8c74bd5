import type { EvaluationMode, EvaluationRow } from './evaluate.ts';
import { majAtK, passAtK, powersUpTo } from './pass_at_k.ts';
import { type Accuracy, bootstrapMeans, mean, wilson } from './stats.ts';

/** One mode of an evaluation: the accuracy, and what else its completions say. Shares from 0 to 1. */
export interface Measured extends Accuracy {
  /** Completions a problem; `n` counts problems. */
  readonly samples: number;
  /** How `lo` and `hi` were made: Wilson's score for one sample a problem, bootstrap over problems for several. */
  readonly interval: 'wilson' | 'bootstrap';
  /** Tokens of a completion, end-of-sequence token included. */
  readonly mean_length: number;
  /** Share of the completions in which no answer was found. */
  readonly no_answer: number;
  /** Share of the completions that were cut off at the longest length. */
  readonly truncated: number;
  /** By k; sampled completions only. */
  readonly 'pass@k'?: Readonly<Record<string, Accuracy>>;
  readonly 'maj@k'?: Readonly<Record<string, Accuracy>>;
  /** The same completions read by other rules. */
  readonly also?: Readonly<Record<string, Accuracy>>;
}

/** Rows of one mode by problem, samples in their order. */
export function byProblem(rows: readonly EvaluationRow[], mode: EvaluationMode): EvaluationRow[][] {
  const problems = new Map<number, EvaluationRow[]>();
  for (const row of rows) {
    if (row.mode !== mode) continue;
    const samples = problems.get(row.problem);
    if (samples) samples.push(row);
    else problems.set(row.problem, [row]);
  }
  return [...problems.values()];
}

/** What one problem's samples are worth, from 0 to 1. */
type Score = (samples: readonly EvaluationRow[]) => number;

/** Scores by the names of their figures: `accuracy` (the share of right samples), `pass@k`, `maj@k`, and other rules by theirs. */
export function scoresOf(ks: readonly number[], rules: readonly string[] = []): ReadonlyMap<string, Score> {
  return new Map<string, Score>([
    ['accuracy', (samples) => right(samples) / samples.length],
    ...ks.map((k): [string, Score] => [`pass@${k}`, (samples) => passAtK(samples.length, right(samples), k)]),
    ...ks.map((k): [string, Score] => [`maj@${k}`, (samples) => Number(majAtK(samples, k))]),
    ...rules.map((rule): [string, Score] => [
      rule,
      (samples) => mean(samples.map((row) => Number(row.also?.[rule]?.correct))),
    ]),
  ]);
}

/** The figures of pass@k and maj@k by k; none without ks. */
export function curvesOf<T>(ks: readonly number[], figures: ReadonlyMap<string, T>) {
  if (ks.length === 0) return {};
  const byK = (name: string) => Object.fromEntries(ks.map((k) => [String(k), figures.get(`${name}@${k}`) as T]));
  return { 'pass@k': byK('pass'), 'maj@k': byK('maj') };
}

function right(samples: readonly EvaluationRow[]): number {
  return samples.filter((row) => row.correct).length;
}

/**
 * Figures of one mode with 95 % intervals.
 * @param ks where pass@k and maj@k are read, each at most the samples of a problem; by default the powers of two
 */
export function summarise(rows: readonly EvaluationRow[], mode: EvaluationMode, ks?: readonly number[]): Measured {
  const problems = byProblem(rows, mode);
  const all = problems.flat();
  const samples = problems.length === 0 ? 0 : Math.min(...problems.map((of) => of.length));
  const at = mode === 'greedy' || samples === 0 ? [] : (ks ?? powersUpTo(samples)).filter((k) => k <= samples);
  const rules = Object.keys(all[0]?.also ?? {});
  const scores = [...scoresOf(at, rules)].map(([name, score]) => [name, problems.map(score)] as const);
  const figures = intervals(new Map(scores), samples > 1);
  const shareOf = (test: (row: EvaluationRow) => boolean) => mean(all.map((row) => Number(test(row))));
  return {
    ...(figures.get('accuracy') as Accuracy),
    samples,
    interval: samples > 1 ? 'bootstrap' : 'wilson',
    mean_length: mean(all.map((row) => row.tokens)),
    no_answer: shareOf((row) => row.extracted === null),
    truncated: shareOf((row) => row.finish_reason === 'length'),
    ...curvesOf(at, figures),
    ...(rules.length > 0 && {
      also: Object.fromEntries(rules.map((rule) => [rule, figures.get(rule) as Accuracy])),
    }),
  };
}

/** Means over problems; where all problems score 0, or all 1, drawing them again shows no spread, and Wilson's score does. */
function intervals(columns: ReadonlyMap<string, readonly number[]>, several: boolean): Map<string, Accuracy> {
  const drawn = several ? bootstrapMeans([...columns.values()]) : [];
  return new Map(
    [...columns].map(([name, scores], i) => {
      const accuracy = mean(scores);
      const { lo, hi } =
        several && accuracy > 0 && accuracy < 1
          ? (drawn[i] as { lo: number; hi: number })
          : wilson(Math.round(accuracy * scores.length), scores.length);
      return [name, { accuracy, lo, hi, n: scores.length }];
    }),
  );
}
