import type { Comparison } from '../eval/compare.ts';
import {
  type ComparisonReport,
  comparisonPage,
  curvesSvg,
  differenceRows,
  figuresTable,
  type ReportArm,
} from '../eval/compare_report.ts';
import { interval } from '../eval/figures.ts';
import { table } from './output.ts';
import { writeOutput } from './output_files.ts';

/** The figures of each arm and mode. */
export function armsTable(arms: readonly ReportArm[]): string {
  const { head, rows } = figuresTable(arms);
  return table(head, rows);
}

/** pass@k and maj@k of several arms, a row for each k. */
export function curveTable(arms: readonly ReportArm[]): string {
  const sampled = arms.filter((arm) => arm.sampled?.['pass@k']);
  const ks = Object.keys(sampled[0]?.sampled?.['pass@k'] ?? {});
  const head = ['k', ...sampled.flatMap(({ name }) => [`${name} pass@k`, `${name} maj@k`])];
  const cell = (arm: ReportArm, metric: 'pass@k' | 'maj@k', k: string) => {
    const figure = arm.sampled?.[metric]?.[k];
    return figure ? interval(figure) : '';
  };
  return table(
    head,
    ks.map((k) => [k, ...sampled.flatMap((arm) => [cell(arm, 'pass@k', k), cell(arm, 'maj@k', k)])]),
  );
}

/** The differences of each pair, tests included. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  return comparisons
    .map((comparison) =>
      table(
        [`${comparison.second} − ${comparison.first}`, `paired, ${comparison.n} problems`],
        differenceRows(comparison),
      ),
    )
    .join('\n\n');
}

/** A page, or the curves alone where the file is called `.svg`. */
export async function writeComparisonReport(path: string, report: ComparisonReport): Promise<void> {
  await writeOutput(path, path.endsWith('.svg') ? curvesSvg(report) : comparisonPage(report));
}
