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

/** The score of each problem: its share of right samples, pass@k, maj@k. */
export const SCORES = {
  accuracy: (samples: readonly EvaluationRow[]) => right(samples) / samples.length,
  pass: (samples: readonly EvaluationRow[], k: number) => passAtK(samples.length, right(samples), k),
  maj: (samples: readonly EvaluationRow[], k: number) => Number(majAtK(samples, k)),
};

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
  const alsoRight = (rule: string) => (of: readonly EvaluationRow[]) =>
    mean(of.map((row) => Number(row.also?.[rule]?.correct)));
  const columns = [
    SCORES.accuracy,
    ...at.map((k) => (of: readonly EvaluationRow[]) => SCORES.pass(of, k)),
    ...at.map((k) => (of: readonly EvaluationRow[]) => SCORES.maj(of, k)),
    ...rules.map(alsoRight),
  ].map((score) => problems.map(score));
  const [accuracy, ...rest] = intervals(columns, samples > 1) as [Accuracy, ...Accuracy[]];
  const named = (from: number) => Object.fromEntries(at.map((k, i) => [String(k), rest[from + i] as Accuracy]));
  const shareOf = (test: (row: EvaluationRow) => boolean) => mean(all.map((row) => Number(test(row))));
  return {
    ...accuracy,
    samples,
    interval: samples > 1 ? 'bootstrap' : 'wilson',
    mean_length: mean(all.map((row) => row.tokens)),
    no_answer: shareOf((row) => row.extracted === null),
    truncated: shareOf((row) => row.finish_reason === 'length'),
    ...(at.length > 0 && { 'pass@k': named(0), 'maj@k': named(at.length) }),
    ...(rules.length > 0 && {
      also: Object.fromEntries(rules.map((rule, i) => [rule, rest[2 * at.length + i] as Accuracy])),
    }),
  };
}

/** Means over problems; where all problems score 0, or all 1, drawing them again shows no spread, and Wilson's score does. */
function intervals(columns: readonly (readonly number[])[], several: boolean): Accuracy[] {
  const n = columns[0]?.length ?? 0;
  const drawn = several ? bootstrapMeans(columns) : [];
  return columns.map((scores, i) => {
    const accuracy = mean(scores);
    const { lo, hi } =
      several && accuracy > 0 && accuracy < 1
        ? (drawn[i] as { lo: number; hi: number })
        : wilson(Math.round(accuracy * n), n);
    return { accuracy, lo, hi, n };
  });
}
