import { isRollout, type StepRow } from './metrics.ts';

/** A step is dull where at least this share of its problems had completions that all earned the same. */
const DULL_SHARE = 0.75;

/** What a run has to be told in which most steps were dull: it ends as one that learned does. */
export function dullWarning(metrics: readonly StepRow[]): string | undefined {
  const rows = metrics.filter(isRollout);
  const dull = rows.filter((row) => row.frac_reward_zero_std >= DULL_SHARE).length;
  if (dull <= rows.length / 2) return undefined;
  return (
    `In ${dull} of ${rows.length} ${rows.length === 1 ? 'step' : 'steps'} all completions of nearly every problem earned the same reward: little was ` +
    'learned. More or easier problems, more completions of each (num_generations) or a higher temperature help; see docs/training.md, When little is learned.'
  );
}
