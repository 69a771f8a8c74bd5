import type { Prompt } from '../eval/completions.ts';
import type { Problem } from '../eval/data.ts';
import { type Evaluation, type EvaluationRow, evaluate } from '../eval/evaluate.ts';
import { type LensLayer, logitLens } from '../eval/lens.ts';
import { renderReport } from '../eval/report.ts';
import type { RewardFunction } from '../eval/rewards.ts';
import type { AccuracyPair } from '../eval/stats.ts';
import { UserError } from '../gpu/errors.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Steering } from '../model/steering.ts';
import { checkResumable, loadCheckpoint } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import type { MemoryPlan } from './memory_plan.ts';
import type { MetricsRow } from './metrics.ts';
import { reportData } from './report_data.ts';
import { RUN_FILES, type RunStore, type RunSummary, refuseUsedFolder, rewindRun, writeSummary } from './rundir.ts';
import { withSteps } from './schedule.ts';
import { type Sample, Trainer } from './trainer.ts';

export interface ExperimentOptions {
  readonly lm: LanguageModel;
  readonly config: TrainConfig;
  readonly store: RunStore;
  readonly encode: (problem: Problem) => Prompt;
  readonly stop: readonly string[];
  readonly reward: RewardFunction;
  readonly rewardName: string;
  readonly trainProblems: readonly Problem[];
  /** Held-out problems, measured before and after; none skips both. */
  readonly testProblems: readonly Problem[];
  /** Goes on from the store's checkpoint. */
  readonly resume: boolean;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly on?: ExperimentEvents;
}

/** What a terminal or a page shows while it runs. */
export interface ExperimentEvents {
  readonly stage?: (stage: Stage) => void;
  readonly evaluation?: (which: 'base' | 'steered', finished: number, total: number, tokens: number) => void;
  readonly evaluated?: (which: 'base' | 'steered', result: Evaluation) => void;
  readonly rollout?: (tokens: number, finished: number, total: number) => void;
  /** Micro-batches of the training pass: before each those done, and all. */
  readonly microBatch?: (done: number, total: number) => void;
  readonly step?: (row: MetricsRow, samples: readonly Sample[]) => void;
}

export type Stage = 'base' | 'train' | 'steered' | 'report';

export interface ExperimentResult {
  readonly summary: RunSummary;
  readonly metrics: readonly MetricsRow[];
  readonly lens: readonly LensLayer[];
  readonly examples: readonly ExamplePair[];
}

/** One problem answered greedily before and after. */
export interface ExamplePair {
  readonly question: string;
  readonly answer: string;
  readonly before: EvaluationRow;
  readonly after: EvaluationRow;
}

const EVALUATION = { base: 'eval-base.json', steered: 'eval-steered.json' } as const;
const EXAMPLES = 6;

/**
 * Measures the model, trains vectors, measures again, reads the vectors through the logit lens, and writes all of it into
 * the run folder. Stopped at any moment it goes on from there with `resume`.
 */
export async function runExperiment(given: ExperimentOptions): Promise<ExperimentResult> {
  const options = { ...given, config: withSteps(given.config, given.trainProblems.length) };
  const { lm, config, store, on, now } = options;
  const checkpoint = options.resume ? await loadCheckpoint(store) : undefined;
  if (checkpoint) checkResumable(checkpoint, config, lm.model.identity, store.where);
  else await refuseUsedFolder(store);
  const digest = await problemDigest(options);
  if (checkpoint && checkpoint.problems !== digest) {
    throw new UserError(
      `${store.where} was trained on other problems, or they are asked in another way now: a problem, the prompt or the stop texts ` +
        'have changed. Restore them, or start a new run with --out.',
    );
  }
  const metrics: MetricsRow[] = checkpoint ? (await rewindRun(store, checkpoint.step)).metrics : [];
  await store.writeAtomic(RUN_FILES.config, `${JSON.stringify(config, null, 2)}\n`);

  const trainer = new Trainer({
    lm,
    config,
    problems: options.trainProblems,
    encode: options.encode,
    reward: options.reward,
    rewardName: options.rewardName,
    stop: options.stop,
    digest,
    store,
    now,
    checkpoint,
    signal: options.signal,
    ...(on?.rollout && { onRollout: on.rollout }),
    ...(on?.microBatch && { onMicroBatch: on.microBatch }),
    onStep: (row, samples) => {
      metrics.push(row);
      on?.step?.(row, samples);
    },
  });
  try {
    // From here on there is something to resume, even if the first evaluation is interrupted.
    if (!checkpoint) await trainer.save();
    const base = await measure('base', 0, undefined, options, trainer.plan);
    on?.stage?.('train');
    await trainer.run();
    const steered = await measure('steered', trainer.step, trainer.steering, options, trainer.plan);
    on?.stage?.('report');
    const lens = await logitLens(lm, trainer.steering.tensor);
    const summary: RunSummary = {
      ...(base && { base: accuracies(base) }),
      ...(steered && { steered: accuracies(steered) }),
      seconds: trainer.seconds,
      steps: trainer.step,
      adapter: lm.model.device.caps.adapter,
      seed: config.seed,
      reward: options.rewardName,
    };
    await writeSummary(store, summary);
    const result = { summary, metrics, lens, examples: pairs(base, steered) };
    await store.writeAtomic(RUN_FILES.report, renderReport(reportData(config, lm, result)));
    return result;
  } finally {
    trainer.dispose();
  }
}

/**
 * An evaluation on the held-out problems, kept in the run folder with the step whose vectors it measured and the number of
 * problems, so that a resumed run does not repeat it and a longer one does.
 */
async function measure(
  which: 'base' | 'steered',
  step: number,
  steering: Steering | undefined,
  options: ExperimentOptions,
  plan: MemoryPlan,
): Promise<Evaluation | undefined> {
  const { lm, config, store, on, testProblems } = options;
  if (testProblems.length === 0) return undefined;
  on?.stage?.(which);
  const problems = testProblems.length;
  const kept = options.resume ? await keptEvaluation(store, EVALUATION[which], { step, problems }) : undefined;
  const result =
    kept ??
    (await evaluate(lm, testProblems.map(options.encode), {
      answer: config.answer,
      maxNewTokens: config.max_completion_length,
      seed: config.seed,
      temperature: config.temperature,
      steering,
      stop: options.stop,
      signal: options.signal,
      // Under a budget no more than the rollouts were granted.
      ...(config.memory_budget !== undefined && { cacheBytes: plan.cache, maxRows: plan.inFlight }),
      onProgress: (finished, total, tokens) => on?.evaluation?.(which, finished, total, tokens),
    }));
  if (!kept) await store.writeAtomic(EVALUATION[which], `${JSON.stringify({ step, problems, ...result })}\n`);
  on?.evaluated?.(which, result);
  return result;
}

/** SHA-256 of all questions and answers, the text of the first prompt and the stop texts. */
async function problemDigest({ trainProblems, encode, stop }: ExperimentOptions): Promise<string> {
  const [first] = trainProblems;
  const asked = [first && encode(first).text, stop, trainProblems.map(({ question, answer }) => [question, answer])];
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(asked)));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The evaluation in a file if it is one of this step and of so many problems. */
async function keptEvaluation(
  store: RunStore,
  name: string,
  wanted: { step: number; problems: number },
): Promise<Evaluation | undefined> {
  const bytes = await store.read(name);
  if (!bytes) return undefined;
  const kept = JSON.parse(new TextDecoder().decode(bytes)) as Evaluation & { step?: number; problems?: number };
  return kept.step === wanted.step && kept.problems === wanted.problems ? kept : undefined;
}

function accuracies({ sampled, greedy }: Evaluation): AccuracyPair {
  if (!sampled || !greedy) throw new Error('an evaluation of a run measures both modes');
  return { sampled, greedy };
}

function pairs(base: Evaluation | undefined, steered: Evaluation | undefined): ExamplePair[] {
  const greedy = (evaluation: Evaluation | undefined) =>
    (evaluation?.rows ?? []).filter((row) => row.mode === 'greedy').slice(0, EXAMPLES);
  const after = greedy(steered);
  return greedy(base).flatMap((before, i) => {
    const row = after[i];
    return row ? [{ question: before.question, answer: before.answer, before, after: row }] : [];
  });
}
