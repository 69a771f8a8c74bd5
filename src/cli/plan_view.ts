import { duration, percent } from '../eval/figures.ts';
import { formatBytes } from '../gpu/bytes.ts';
import type { Calibration, Timing } from '../train/calibrate.ts';
import type { TrainConfig } from '../train/config.ts';
import type { Estimate, StepTokens } from '../train/estimate.ts';
import type { MemoryPlan } from '../train/memory_plan.ts';
import { planRows } from '../train/plan_rows.ts';
import { table } from './output.ts';

/** The memory plan on one line, before a run. */
export function memoryLine(plan: MemoryPlan): string {
  const other = plan.recompute === 'none' ? 'layer' : 'none';
  const kept = plan.kept.rows > 0 ? `, kept between them at most ${formatBytes(plan.kept.bytes)}` : '';
  return (
    `memory of training: at most ${formatBytes(plan.total)}: weights ${formatBytes(plan.weights)}, rollouts ${formatBytes(plan.cache + plan.generation)}, ` +
    `training passes ${formatBytes(plan.activations[plan.recompute] + plan.workspace)} in micro-batches of up to ${plan.rows} tokens ` +
    `(with recompute ${other} ${formatBytes(plan.activations[other] + plan.workspace)})${kept}`
  );
}

/** All of the plan: what `--dry-run` prints. */
export function planTable(plan: MemoryPlan, config: TrainConfig): string {
  const { num_prompts, num_generations, max_completion_length, max_steps } = config;
  const rows = planRows(plan, config).map(({ what, bytes, note }) => [what, formatBytes(bytes), note]);
  return (
    `${max_steps} steps of ${num_prompts} problems, ${num_generations} completions each, ${max_completion_length} tokens at most\n\n` +
    table(['GPU memory', 'size', ''], rows)
  );
}

/** Tokens of a step, before anything was measured. */
export function tokensLine(promptLength: number, tokens: StepTokens): string {
  const many = (count: number) => count.toLocaleString('en-US');
  return (
    `a step takes in ${many(tokens.prompt)} prompt tokens (${promptLength.toFixed(0)} a problem), samples at most ${many(tokens.generated)}, ` +
    `and trains on at most ${many(tokens.trained)} rows`
  );
}

/** What was measured, what follows from it, and how far to trust it. */
export function timeTable(
  measured: Calibration,
  estimates: { half: Estimate; at_most: Estimate },
  run: { config: TrainConfig; adapter: string; inFlight: number },
): string {
  const { prefill, decode, training } = measured;
  const { config } = run;
  const row = (what: string, { seconds, spread }: Timing) => [
    what,
    seconds < 1 ? `${(1000 * seconds).toPrecision(3)} ms` : duration(seconds),
    `+${percent(spread)}`,
  ];
  const passes = table(
    ['measured', 'time', 'spread'],
    [
      row(`prefill of ${prefill.rows} prompt tokens`, prefill),
      row(`decoding pass of ${decode.rows} completions, ${decode.context} tokens before them`, decode),
      row(`training pass over ${training.rows} rows${config.beta > 0 ? ', with the reference' : ''}`, training),
    ],
  );
  const { half, at_most } = estimates;
  const line = (what: string, of: (estimate: Estimate) => number) => [what, duration(of(half)), duration(of(at_most))];
  const follows = table(
    ['estimate', `completions of ${half.tokens.completion_length}`, `of ${at_most.tokens.completion_length} (the cap)`],
    [
      line('rollout of a step', (estimate) => estimate.rollout),
      line('training pass of a step', (estimate) => estimate.training),
      line('a step', (estimate) => estimate.step),
      line('all evaluations', (estimate) => estimate.evaluation),
      line(`all ${config.max_steps} steps and the evaluations`, (estimate) => estimate.run),
    ],
  );
  return `${passes}\n\n${follows}\n\n${trust(measured, run)}`;
}

function trust(
  { prefill, decode, training, seconds }: Calibration,
  run: { config: TrainConfig; adapter: string; inFlight: number },
): string {
  const parts: readonly [string, Timing][] = [
    ['prefill', prefill],
    ['decoding', decode],
    ['training', training],
  ];
  const scaled = parts.filter(([, timing]) => timing.rows < timing.rows_in_run);
  const sizes = scaled.map(([name, timing]) => `${name} from ${timing.rows} to ${timing.rows_in_run} rows`);
  return (
    `Measured in ${duration(seconds)} on ${run.adapter}, with tokens that mean nothing; ${run.inFlight} completions are in flight in the run. ` +
    `${sizes.length > 0 ? `Scaled up by a line through two sizes: ${sizes.join(', ')}; the further, the less it is worth. ` : ''}` +
    `Completions get longer or shorter as they are trained: the two columns bound what is likely. ${run.config.beta > 0 ? '' : 'Groups whose rewards are all alike are left out of the training pass, which then takes less. '}` +
    'Loading, compiling and grading are not in it.'
  );
}
