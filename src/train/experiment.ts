import type { Prompt } from '../eval/completions.ts';
import type { Problem } from '../eval/data.ts';
import { type Evaluation, type EvaluationRow, evaluate } from '../eval/evaluate.ts';
import { type LensLayer, logitLens } from '../eval/lens.ts';
import { renderReport } from '../eval/report.ts';
import type { RewardFunction } from '../eval/rewards.ts';
import type { AccuracyPair } from '../eval/stats.ts';
import { sha256 } from '../gpu/digest.ts';
import { UserError } from '../gpu/errors.ts';
import type { ProfileReport } from '../kernels/profile_report.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Steering } from '../model/steering.ts';
import { checkResumable, loadCheckpoint, pinnedTuning } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import { dullWarning } from './dull_steps.ts';
import type { MemoryPlan } from './memory_plan.ts';
import type { Sample } from './methods/method.ts';
import type { StepRow } from './metrics.ts';
import { reportData } from './report_data.ts';
import {
  type EvaluationStep,
  RUN_FILES,
  type RunStore,
  type RunSummary,
  refuseUsedFolder,
  rewindRows,
  rewindRun,
  writeSummary,
} from './rundir.ts';
import { withSteps } from './schedule.ts';
import { Selection } from './selection.ts';
import type { Example } from './traces.ts';
import { type StepRunner, Trainer } from './trainer.ts';

export interface ExperimentOptions {
  readonly lm: LanguageModel;
  readonly config: TrainConfig;
  readonly store: RunStore;
  readonly encode: (problem: Problem) => Prompt;
  readonly stop: readonly string[];
  readonly reward: RewardFunction;
  readonly rewardName: string;
  /** The text of a module with the reward: a resumed run must have the same. */
  readonly rewardSource?: string | undefined;
  readonly trainProblems: readonly Problem[];
  /** What `sft` and `dpo` learn from. */
  readonly examples?: readonly Example[] | undefined;
  /** How the model without vectors is asked once more, where a prompt is to be compared with the vectors. */
  readonly prompted?: Pick<ExperimentOptions, 'encode' | 'stop'> | undefined;
  /** Held-out problems, measured before and after; none skips both. */
  readonly testProblems: readonly Problem[];
  /** Goes on from the store's checkpoint. */
  readonly resume: boolean;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly on?: ExperimentEvents;
  /** Carries out each piece of work on the GPU: a measurement, a step, the reading of the vectors. Between them others may use it. */
  readonly turn?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  /** Times some of the steps; its report goes into report.html. */
  readonly profile?: { readonly around: StepRunner; report(): Promise<ProfileReport> } | undefined;
}

/** What a terminal or a page shows while it runs. */
export interface ExperimentEvents {
  readonly stage?: (stage: Stage) => void;
  readonly evaluation?: (which: Measurement, finished: number, total: number, tokens: number) => void;
  readonly evaluated?: (which: Measurement, result: Evaluation) => void;
  readonly rollout?: (tokens: number, finished: number, total: number) => void;
  /** Micro-batches of the training pass: before each those done, and all. */
  readonly microBatch?: (done: number, total: number) => void;
  /** `vectors`, [L, C], are those after the step. */
  readonly step?: (row: StepRow, samples: readonly Sample[], vectors: Float32Array) => void;
  /** Something without which the result would be misread, once. */
  readonly warning?: (line: string) => void;
}

/** The model as it is, asked with `baseline_prompt`, and with its vectors. */
type Measurement = 'base' | 'prompted' | 'steered';

export type Stage = Measurement | 'train' | 'report';

export interface ExperimentResult {
  readonly summary: RunSummary;
  readonly metrics: readonly StepRow[];
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

/** Files of a run folder with the evaluations before and after, all rows in them. */
export const EVALUATION_FILES = {
  base: 'eval-base.json',
  prompted: 'eval-prompted.json',
  steered: 'eval-steered.json',
} as const satisfies Record<Measurement, string>;
const EXAMPLES = 6;

/**
 * Measures the model, trains vectors, measures again, reads the vectors through the logit lens, and writes all of it into
 * the run folder. Stopped at any moment it goes on from there with `resume`.
 */
export async function runExperiment(given: ExperimentOptions): Promise<ExperimentResult> {
  const options = { ...given, config: withSteps(given.config, given.trainProblems.length) };
  const { lm, config, store, on, now, turn = (work) => work() } = options;
  const checkpoint = options.resume ? await loadCheckpoint(store) : undefined;
  if (checkpoint) {
    checkResumable(checkpoint, config, lm.model.identity, store.where);
    lm.model.device.tuning = pinnedTuning(checkpoint, lm.model.device.caps, store.where);
  } else await refuseUsedFolder(store);
  const digest = await problemDigest(options);
  if (checkpoint && checkpoint.problems !== digest) {
    throw new UserError(
      `${store.where} was trained on other problems, or they are asked in another way now: a problem, the prompt, the stop texts ` +
        'or the reward module have changed. Restore them, or start a new run with --out.',
    );
  }
  const metrics: StepRow[] = checkpoint ? (await rewindRun(store, checkpoint.step)).metrics : [];
  // An evaluation is of the vectors after its step, and a checkpoint is written before it.
  const evaluations = checkpoint
    ? await rewindRows<EvaluationStep>(store, RUN_FILES.evaluations, checkpoint.step + 1)
    : [];
  const trainer = new Trainer({
    lm,
    config,
    problems: options.trainProblems,
    encode: options.encode,
    examples: options.examples,
    reward: options.reward,
    rewardName: options.rewardName,
    stop: options.stop,
    digest,
    store,
    now,
    checkpoint,
    signal: options.signal,
    around: (step, work) => turn(() => (options.profile ? options.profile.around(step, work) : work())),
    ...(on?.rollout && { onRollout: on.rollout }),
    ...(on?.microBatch && { onMicroBatch: on.microBatch }),
    ...(on?.warning && { onWarning: on.warning }),
    onStep: (row, samples, vectors) => {
      metrics.push(row);
      on?.step?.(row, samples, vectors);
    },
  });
  try {
    // From here on there is something to resume, even if the first evaluation is interrupted.
    if (!checkpoint) await trainer.save();
    await store.writeAtomic(RUN_FILES.config, `${JSON.stringify(config, null, 2)}\n`);
    const base = await measure('base', 0, undefined, options, trainer.plan);
    const prompted = options.prompted && (await measure('prompted', 0, undefined, options, trainer.plan));
    let last: { step: number; result: Evaluation | undefined } | undefined;
    const steer = async () => {
      if (last?.step === trainer.step) return last.result;
      const result = await measure('steered', trainer.step, trainer.steering, options, trainer.plan);
      last = { step: trainer.step, result };
      return result;
    };
    const selection = new Selection(config, store, evaluations);
    on?.stage?.('train');
    await trainer.run(async () => {
      if (!selection.due(trainer.step)) return selection.enough;
      // The checkpoint first: a run that ends in the evaluation goes on with it.
      await trainer.save();
      const measured = await steer();
      if (measured) {
        await selection.add(trainer.step, accuracies(measured), () => trainer.saveVectors(RUN_FILES.best));
      }
      on?.stage?.('train');
      return selection.enough;
    });
    const steered = await steer();
    on?.stage?.('report');
    const dull = dullWarning(metrics);
    if (dull !== undefined) on?.warning?.(dull);
    const lens = await turn(() => logitLens(lm, trainer.steering.tensor));
    const summary: RunSummary = {
      ...(base && { base: accuracies(base) }),
      ...(prompted && { prompted: accuracies(prompted) }),
      ...(steered && { steered: accuracies(steered) }),
      ...(selection.best && { best: selection.best }),
      ...(selection.enough && trainer.step < config.max_steps && { stopped_early: true }),
      seconds: trainer.seconds,
      steps: trainer.step,
      adapter: lm.model.device.caps.adapter,
      seed: config.seed,
      reward: options.rewardName,
      method: config.method,
    };
    await writeSummary(store, summary);
    const result = { summary, metrics, lens, examples: examplePairs(base, steered) };
    const profile = await options.profile?.report();
    await store.writeAtomic(RUN_FILES.report, renderReport({ ...reportData(config, lm, result), profile }));
    return result;
  } finally {
    trainer.dispose();
  }
}

/**
 * An evaluation on the held-out problems, kept in the run folder with the step whose vectors it measured and a digest of the
 * problems, so that a resumed run does not repeat it, and one that is longer or has other problems does.
 */
async function measure(
  which: Measurement,
  step: number,
  steering: Steering | undefined,
  options: ExperimentOptions,
  plan: MemoryPlan,
): Promise<Evaluation | undefined> {
  const { lm, config, store, on, testProblems, turn = (work) => work() } = options;
  const { encode, stop } = (which === 'prompted' && options.prompted) || options;
  if (testProblems.length === 0) return undefined;
  on?.stage?.(which);
  const prompts = testProblems.map(encode);
  const problems = await digestOf([stop, prompts.map(({ text, problem }) => [text, problem.answer])]);
  const kept = options.resume ? await keptEvaluation(store, EVALUATION_FILES[which], { step, problems }) : undefined;
  const work = () =>
    evaluate(lm, prompts, {
      answer: config.answer,
      maxNewTokens: config.max_completion_length,
      seed: config.seed,
      temperature: config.temperature,
      steering,
      stop,
      signal: options.signal,
      // Under a budget no more than the rollouts were granted.
      ...(config.memory_budget !== undefined && { cacheBytes: plan.cache, maxRows: plan.inFlight }),
      onProgress: (finished, total, tokens) => on?.evaluation?.(which, finished, total, tokens),
    });
  const result = kept ?? (await turn(() => lm.model.device.phase(`measure ${which}`, work)));
  if (!kept) await store.writeAtomic(EVALUATION_FILES[which], `${JSON.stringify({ step, problems, ...result })}\n`);
  on?.evaluated?.(which, result);
  return result;
}

/** SHA-256 of all questions and answers, the text of the first prompt, the stop texts, the reward; of examples, of all their tokens. */
async function problemDigest({
  trainProblems,
  examples,
  encode,
  stop,
  rewardSource,
}: ExperimentOptions): Promise<string> {
  const [first] = trainProblems;
  const asked = examples
    ? examples.map(({ prompt, ...completions }) => [prompt.ids, completions])
    : [
        first && encode(first).text,
        stop,
        trainProblems.map(({ question, answer }) => [question, answer]),
        rewardSource,
      ];
  return digestOf(asked);
}

/** SHA-256 of a value as JSON, in hexadecimal. */
function digestOf(value: unknown): Promise<string> {
  return sha256(new TextEncoder().encode(JSON.stringify(value)));
}

/** The evaluation in a file if it is one of this step and of these problems. */
async function keptEvaluation(
  store: RunStore,
  name: string,
  wanted: { step: number; problems: string },
): Promise<Evaluation | undefined> {
  const bytes = await store.read(name);
  if (!bytes) return undefined;
  const kept = JSON.parse(new TextDecoder().decode(bytes)) as Evaluation & { step?: number; problems?: string };
  return kept.step === wanted.step && kept.problems === wanted.problems ? kept : undefined;
}

function accuracies({ sampled, greedy }: Evaluation): AccuracyPair {
  if (!sampled || !greedy) throw new Error('an evaluation of a run measures both modes');
  return { sampled, greedy };
}

/** Problems that both evaluations answered greedily, the first few. */
export function examplePairs(base: Evaluation | undefined, steered: Evaluation | undefined): ExamplePair[] {
  const greedy = (evaluation: Evaluation | undefined) =>
    (evaluation?.rows ?? []).filter((row) => row.mode === 'greedy').slice(0, EXAMPLES);
  const after = greedy(steered);
  return greedy(base).flatMap((before, i) => {
    const row = after[i];
    return row ? [{ question: before.question, answer: before.answer, before, after: row }] : [];
  });
}
