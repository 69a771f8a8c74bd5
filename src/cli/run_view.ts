import type { Evaluation } from '../eval/evaluate.ts';
import type { LensLayer } from '../eval/lens.ts';
import type { ExamplePair, ExperimentEvents } from '../train/experiment.ts';
import type { Context } from './command.ts';
import { interval, table } from './output.ts';
import { Progress } from './progress.ts';

/** Shows an experiment in a terminal: progress on standard error, results on standard output. */
export function runView(context: Context, steps: { from: number; to: number }): ExperimentEvents {
  let progress: Progress | undefined;
  const rewards: number[] = [];
  const end = () => {
    progress?.finish();
    progress = undefined;
  };
  return {
    stage: (stage) => {
      end();
      if (stage === 'train' && steps.to > steps.from) progress = new Progress({ label: 'train', total: steps.to, start: steps.from });
    },
    evaluation: (which, finished, total, tokens) => {
      progress ??= new Progress({ label: `measure ${which}`, total });
      progress.update(finished, { text: `${tokens} tokens` });
    },
    evaluated: (which, result) => {
      end();
      context.print(accuracyLine(which, result));
    },
    rollout: (tokens, finished, total) => progress?.tick(`rollout ${finished}/${total}, ${tokens} tokens`),
    step: (row) => {
      rewards.push(row.reward);
      progress?.update(row.step + 1, {
        text: `reward ${row.reward.toFixed(2)}  ${row['completions/mean_length'].toFixed(0)} tokens  |g| ${row.grad_norm.toFixed(2)}`,
        series: rewards,
      });
    },
  };
}

export function accuracyLine(which: string, { greedy, sampled }: Evaluation): string {
  const parts = [greedy && `greedy ${interval(greedy)}`, sampled && `sampled ${interval(sampled)}`].filter(Boolean);
  return `${which.padEnd(8)} ${parts.join('   ')}   (${(greedy ?? sampled)?.n ?? 0} problems)`;
}

/** Layers with their norms and likeliest tokens. */
export function lensTable(lens: readonly LensLayer[]): string {
  return table(
    ['layer', 'norm', 'tokens that the vector pushes up'],
    lens.map(({ layer, norm, top }) => [
      String(layer),
      norm.toFixed(2),
      top.map((t) => JSON.stringify(t.token)).join(' '),
    ]),
  );
}

/** The same problems answered before and after. */
export function exampleLines(examples: readonly ExamplePair[]): string {
  const mark = (correct: boolean) => (correct ? '✓' : '✗');
  return examples
    .map(
      ({ question, answer, before, after }) =>
        `${question} (${answer})\n  ${mark(before.correct)} before:${before.completion.trimEnd()}\n  ${mark(after.correct)} after: ${after.completion.trimEnd()}`,
    )
    .join('\n\n');
}
