import { basename } from 'node:path';
import { type Arm, compareArms } from '../../eval/compare.ts';
import type { ReportArm } from '../../eval/compare_report.ts';
import { parseRows } from '../../eval/evaluation_log.ts';
import { powersUpTo } from '../../eval/pass_at_k.ts';
import { byProblem, summarise } from '../../eval/summary.ts';
import { UserError } from '../../gpu/errors.ts';
import { defineCommand } from '../command.ts';
import { armsTable, comparisonTable, curveTable, writeComparisonReport } from '../comparison_view.ts';
import { ascending } from '../options.ts';
import { checkWritable } from '../output_files.ts';
import { accuracyLine } from '../run_view.ts';
import { readText } from '../setup.ts';

interface Options {
  k?: number[];
  names?: string;
  report?: string;
}

export const command = defineCommand<Options>({
  examples: [
    ['trimtab compare base.jsonl steered.jsonl', 'two files of `trimtab eval --details`: the second against the first'],
    [
      'trimtab compare base.jsonl mine.jsonl control.jsonl --report compare.html',
      'all against the first, curves in one plot',
    ],
  ],
  configure(command) {
    command
      .argument(
        '<files...>',
        'per-problem files of `trimtab eval --details`; the first is what others are held against',
      )
      .option('--k <list>', 'pass@k and maj@k for these k; default: the powers of two', ascending({ min: 1 }))
      .option('--names <list>', 'what to call them, with commas between; default: the files’ names')
      .option('--report <file>', 'a page with the pass@k curves (.html), or the curves alone (.svg)');
  },
  async run(context, options, files) {
    if (files.length < 2)
      throw new UserError('Two files or more are compared: give those of two `trimtab eval --details`.');
    const names = options.names?.split(',') ?? files.map((path) => basename(path).replace(/\.jsonl$/, ''));
    if (names.length !== files.length || new Set(names).size < names.length) {
      throw new UserError(
        `${files.length} files need ${files.length} different names, and these are ${names.join(', ')}: give --names.`,
      );
    }
    const arms: Arm[] = [];
    for (const [i, path] of files.entries()) {
      const rows = parseRows(await readText(path), path);
      if (rows.length === 0)
        throw new UserError(`${path} holds no answers: a file of \`trimtab eval --details\` was expected.`);
      arms.push({ name: names[i] as string, rows });
    }
    const ks = options.k ?? powersUpTo(Math.max(1, ...arms.map(samplesIn)));
    if (options.report) await checkWritable(options.report);
    const measured = arms.map((arm) => measuredArm(arm, ks));
    const comparisons = arms.slice(1).map((arm) => compareArms(arms[0] as Arm, arm, ks));
    for (const { name, ...result } of measured) context.print(accuracyLine(name, { ...result, rows: [] }));
    context.print(`\n${armsTable(measured)}`);
    if (arms.some((arm) => samplesIn(arm) > 1)) context.print(`\n${curveTable(measured)}`);
    context.print(`\n${comparisonTable(comparisons)}`);
    if (options.report) {
      await writeComparisonReport(options.report, { title: names.join(' · '), arms: measured, comparisons });
    }
    context.printJson({ arms: measured, comparisons });
  },
});

function samplesIn({ rows }: Arm): number {
  const counts = byProblem(rows, 'sampled').map((samples) => samples.length);
  return counts.length > 0 ? Math.min(...counts) : 0;
}

function measuredArm({ name, rows }: Arm, ks: readonly number[]): ReportArm {
  const modes = (['greedy', 'sampled'] as const).filter((mode) => rows.some((row) => row.mode === mode));
  return { name, ...Object.fromEntries(modes.map((mode) => [mode, summarise(rows, mode, ks)])) };
}
