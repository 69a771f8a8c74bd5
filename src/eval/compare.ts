import { UserError } from '../gpu/errors.ts';
import type { EvaluationMode, EvaluationRow } from './evaluate.ts';
import { type McNemar, mcnemar, type PairedDifference, pairedDifferences } from './paired.ts';
import { byProblem, SCORES } from './summary.ts';

/** The answers of one model, or of one way to ask it. */
export interface Arm {
  readonly name: string;
  readonly rows: readonly EvaluationRow[];
}

/** McNemar's test is there where each problem is right or wrong: one sample a problem, or maj@k. */
export interface Difference extends PairedDifference {
  readonly mcnemar?: McNemar;
}

export interface ModeComparison extends Difference {
  readonly 'pass@k'?: Readonly<Record<string, Difference>>;
  readonly 'maj@k'?: Readonly<Record<string, Difference>>;
}

/** `second` against `first` on the problems that both answered; differences are second minus first. */
export interface Comparison {
  readonly first: string;
  readonly second: string;
  /** Problems that both answered. */
  readonly n: number;
  readonly greedy?: ModeComparison;
  readonly sampled?: ModeComparison;
}

/**
 * Compares two runs problem by problem, in the modes that both have.
 * @param ks of pass@k and maj@k, those that both have enough samples for
 * @throws UserError where the runs answered different problems, or have no mode in common
 */
export function compareArms(first: Arm, second: Arm, ks: readonly number[]): Comparison {
  const modes = (['greedy', 'sampled'] as const).flatMap((mode) => {
    const compared = compareMode(first, second, mode, ks);
    return compared ? [[mode, compared] as const] : [];
  });
  if (modes.length === 0) {
    throw new UserError(`${first.name} and ${second.name} share no problem in one mode: there is nothing to compare.`);
  }
  const n = Math.max(...modes.map(([, compared]) => compared.n));
  return { first: first.name, second: second.name, n, ...Object.fromEntries(modes) };
}

function compareMode(first: Arm, second: Arm, mode: EvaluationMode, ks: readonly number[]): ModeComparison | undefined {
  const pairs = pairsOf(first, second, mode);
  if (pairs.length === 0) return undefined;
  const samples = Math.min(...pairs.flat().map((of) => of.length));
  const at = mode === 'greedy' ? [] : ks.filter((k) => k <= samples);
  const compare = (scores: readonly ((of: readonly EvaluationRow[]) => number)[]) => {
    const columns = (side: 0 | 1) => scores.map((score) => pairs.map((pair) => score(pair[side])));
    const [one, two] = [columns(0), columns(1)];
    return pairedDifferences(one, two).map((difference, i): Difference => {
      const [a, b] = [one[i] as number[], two[i] as number[]];
      const verdicts = [...a, ...b].every((score) => score === 0 || score === 1);
      if (!verdicts) return difference;
      return {
        ...difference,
        mcnemar: mcnemar(
          a.map((score) => score === 1),
          b.map((score) => score === 1),
        ),
      };
    });
  };
  const [accuracy, ...rest] = compare([
    SCORES.accuracy,
    ...at.map((k) => (of: readonly EvaluationRow[]) => SCORES.pass(of, k)),
    ...at.map((k) => (of: readonly EvaluationRow[]) => SCORES.maj(of, k)),
  ]) as [Difference, ...Difference[]];
  const named = (from: number) => Object.fromEntries(at.map((k, i) => [String(k), rest[from + i] as Difference]));
  return { ...accuracy, ...(at.length > 0 && { 'pass@k': named(0), 'maj@k': named(at.length) }) };
}

/** Samples of the problems that both answered. @throws UserError where one number stands for two questions */
function pairsOf(first: Arm, second: Arm, mode: EvaluationMode): [EvaluationRow[], EvaluationRow[]][] {
  const others = new Map(byProblem(second.rows, mode).map((samples) => [samples[0]?.problem, samples]));
  return byProblem(first.rows, mode).flatMap((samples): [EvaluationRow[], EvaluationRow[]][] => {
    const [row] = samples as [EvaluationRow];
    const other = others.get(row.problem);
    if (!other) return [];
    if (other[0]?.question !== row.question) {
      throw new UserError(
        `${first.name} and ${second.name} answered different problems: number ${row.problem} is ` +
          `${JSON.stringify(row.question.slice(0, 60))} in one and ${JSON.stringify(other[0]?.question.slice(0, 60))} in the other.`,
      );
    }
    return [[samples, other]];
  });
}
