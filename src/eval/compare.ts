import { UserError } from '../gpu/errors.ts';
import type { EvaluationMode, EvaluationRow } from './evaluate.ts';
import { type McNemar, mcnemar, type PairedDifference, pairedDifferences } from './paired.ts';
import { byProblem, curvesOf, scoresOf } from './summary.ts';

/** The answers of one model, or of one way to ask it. */
export interface Arm {
  readonly name: string;
  readonly rows: readonly EvaluationRow[];
}

/** McNemar's test is there where each problem is right or wrong: one sample a problem, or maj@k. */
export interface Difference extends PairedDifference {
  readonly mcnemar?: McNemar;
}

interface ModeComparison extends Difference {
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
  const differences = new Map<string, Difference>();
  const scores = scoresOf(at);
  const columns = (side: 0 | 1) => [...scores.values()].map((score) => pairs.map((pair) => score(pair[side])));
  const [one, two] = [columns(0), columns(1)];
  const paired = pairedDifferences(one, two);
  for (const [i, name] of [...scores.keys()].entries()) {
    differences.set(name, withMcnemar(paired[i] as PairedDifference, one[i] as number[], two[i] as number[]));
  }
  return { ...(differences.get('accuracy') as Difference), ...curvesOf(at, differences) };
}

function withMcnemar(difference: PairedDifference, first: readonly number[], second: readonly number[]): Difference {
  if (![...first, ...second].every((score) => score === 0 || score === 1)) return difference;
  const [a, b] = [first, second].map((scores) => scores.map((score) => score === 1)) as [boolean[], boolean[]];
  return { ...difference, mcnemar: mcnemar(a, b) };
}

/** Samples of the problems that both answered. @throws UserError where one number stands for two questions */
function pairsOf(first: Arm, second: Arm, mode: EvaluationMode): [EvaluationRow[], EvaluationRow[]][] {
  const others = new Map(byProblem(second.rows, mode).map((samples) => [samples[0]?.problem, samples]));
  return byProblem(first.rows, mode).flatMap((samples): [EvaluationRow[], EvaluationRow[]][] => {
    const [row] = samples as [EvaluationRow];
    const other = others.get(row.problem);
    if (!other) return [];
    if (other[0]?.question === row.question && other[0].answer !== row.answer) {
      throw new UserError(
        `${first.name} and ${second.name} have different gold answers to problem ${row.problem}: ${JSON.stringify(row.answer)} and ` +
          `${JSON.stringify(other[0].answer)}. Measure both with the same file.`,
      );
    }
    if (other[0]?.question !== row.question) {
      throw new UserError(
        `${first.name} and ${second.name} answered different problems: number ${row.problem} is ` +
          `${JSON.stringify(row.question.slice(0, 60))} in one and ${JSON.stringify(other[0]?.question.slice(0, 60))} in the other.`,
      );
    }
    return [[samples, other]];
  });
}
