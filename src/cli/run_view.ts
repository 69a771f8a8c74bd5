import type { Evaluation } from '../eval/evaluate.ts';
import { duration, interval } from '../eval/figures.ts';
import type { LensLayer } from '../eval/lens.ts';
import type { ExamplePair, ExperimentEvents } from '../train/experiment.ts';
import { isRollout, type StepRow } from '../train/metrics.ts';
import type { SeedInterval, SeedsSummary } from '../train/seeds.ts';
import type { Context } from './command.ts';
import { table } from './output.ts';
import { Progress } from './progress.ts';

/** A pass over a large model takes minutes on a CPU: between its signs of life the clock goes on. */
const HEARTBEAT_MS = 1000;

/**
 * Shows an experiment in a terminal: progress on standard error, results on standard output. `end` closes the line, however
 * the experiment ended; it may be called twice.
 */
export function runView(
  context: Context,
  steps: { from: number; to: number },
): { events: ExperimentEvents; end: () => void } {
  let progress: Progress | undefined;
  let doing = '';
  let since = performance.now();
  let done = steps.from;
  const curve: number[] = [];
  const tick = (what: string) => {
    if (what !== doing) since = performance.now();
    doing = what;
    progress?.tick(what);
  };
  const heartbeat = setInterval(() => {
    const seconds = (performance.now() - since) / 1000;
    if (doing !== '' && seconds >= 2) progress?.tick(`${doing} (${duration(seconds)})`);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const endLine = () => {
    progress?.finish();
    progress = undefined;
    doing = '';
  };
  const end = () => {
    clearInterval(heartbeat);
    endLine();
  };
  const events: ExperimentEvents = {
    stage: (stage) => {
      endLine();
      if (stage !== 'train' || steps.to <= done) return;
      progress = new Progress({ label: 'train', total: steps.to, start: done });
      tick('prompts');
    },
    evaluation: (which, finished, total, tokens) => {
      progress ??= new Progress({ label: `measure ${which}`, total });
      progress.update(finished, { text: `${tokens} tokens` });
    },
    evaluated: (which, result) => {
      endLine();
      context.print(accuracyLine(which, result));
    },
    rollout: (tokens, finished, total) => tick(`rollout ${finished}/${total}, ${tokens} tokens`),
    microBatch: (done, total) => tick(`training pass ${done + 1}/${total}`),
    warning: (line) => {
      const underWay = progress !== undefined;
      endLine();
      context.warn(line);
      if (underWay) progress = new Progress({ label: 'train', total: steps.to, start: done });
    },
    step: (row) => {
      done = row.step + 1;
      curve.push(isRollout(row) ? row.reward : row.loss);
      progress?.update(done, { text: `${stepText(row)}  |g| ${row.grad_norm.toPrecision(2)}`, series: curve });
      doing = 'prompts';
      since = performance.now();
    },
  };
  return { events, end };
}

/** Accuracies over seeds, with their 95 % intervals. */
export function seedsTable(summary: SeedsSummary): string {
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const shown = ({ mean, lo, hi }: SeedInterval) => `${percent(mean)} (${percent(lo)} to ${percent(hi)})`;
  const rows = (['base', 'prompted', 'steered', 'best', 'gain'] as const).flatMap((which) => {
    const modes = summary[which];
    return modes ? [[which, shown(modes.greedy), shown(modes.sampled)]] : [];
  });
  return table([`${summary.seeds.length} seeds`, 'greedy', 'sampled'], rows);
}

function stepText(row: StepRow): string {
  if (isRollout(row)) return `reward ${row.reward.toFixed(2)}  ${row['completions/mean_length'].toFixed(0)} tokens`;
  return `loss ${row.loss.toFixed(3)}`;
}

export function accuracyLine(which: string, { greedy, sampled }: Evaluation): string {
  const parts = [greedy && `greedy ${interval(greedy)}`, sampled && `sampled ${interval(sampled)}`].filter(Boolean);
  return `${which.padEnd(8)} ${parts.join('   ')}   (${(greedy ?? sampled)?.n ?? 0} problems)`;
}

/** Layers with their norms and likeliest tokens; vectors that never moved say nothing. */
export function lensTable(lens: readonly LensLayer[]): string {
  if (lens.every(({ norm }) => norm === 0)) {
    return (
      'The vectors are all zero. In training that means: in every group all rewards were alike, and there was nothing to learn ' +
      'from. More completions a problem (num_generations), easier problems or a prompt with worked examples help.'
    );
  }
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
