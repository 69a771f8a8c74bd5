import { now } from '#platform';
import { ruleWarning, trainingRule } from '../eval/answer_rules.ts';
import { asker, longestPrompt } from '../eval/ask.ts';
import type { Problem } from '../eval/data.ts';
import type { LensLayer } from '../eval/lens.ts';
import type { PromptSpec } from '../eval/prompts.ts';
import { builtinReward, type RewardFunction } from '../eval/rewards.ts';
import { UserError } from '../gpu/errors.ts';
import { decodeSteering } from '../model/steering.ts';
import { parseTrainConfig, type TrainConfigInput } from '../train/config.ts';
import { type ExamplePair, type ExperimentEvents, runExperiment } from '../train/experiment.ts';
import { isRollout, type MetricsRow } from '../train/metrics.ts';
import { memoryStore, RUN_FILES, type RunStore, type RunSummary } from '../train/rundir.ts';
import { promptSpec, type SteerableModel } from './model.ts';
import { SteeringVectors } from './vectors.ts';

export interface TrainOptions {
  /** Held-out problems, measured before and after. Default: none, nothing is measured. */
  readonly evalProblems?: readonly Problem[];
  /** In place of the field `reward`: +1 for right and -1 for wrong is usual. A pure function of its input. */
  readonly reward?: RewardFunction;
  /** In place of the field `prompt`: worked examples, system line, stop texts, and how answers are found where `answer` does not say. */
  readonly prompt?: PromptSpec;
  /** Where metrics, completions, checkpoints and report go. Default: memory; `folderStore(path)` in Node. */
  readonly store?: RunStore;
  /** Goes on from the store's checkpoint. */
  readonly resume?: boolean;
  readonly signal?: AbortSignal | undefined;
  /**
   * What makes the run less than it looks: a rule for answers that the prompt's examples do not follow, activations that
   * `activation_dtype: f16` cannot hold.
   */
  readonly onWarning?: (line: string) => void;
  /** After every step, its row of metrics (docs/metrics.md). */
  readonly onStep?: (metrics: MetricsRow) => void;
  /** Stages, evaluations and rollouts as they go on. */
  readonly on?: ExperimentEvents;
}

export interface TrainResult {
  readonly vectors: SteeringVectors;
  readonly summary: RunSummary;
  readonly metrics: readonly MetricsRow[];
  readonly lens: readonly LensLayer[];
  readonly examples: readonly ExamplePair[];
  /** What the run wrote: `metrics.jsonl`, `report.html` and the rest. */
  readonly store: RunStore;
}

/** How the model without vectors is asked once more, for `baseline_prompt`. */
function prompted(model: SteerableModel, setting: string | undefined) {
  if (setting === undefined) return undefined;
  const spec = promptSpec(model, setting);
  return { encode: asker(model.lm, spec), stop: spec.stop };
}

/**
 * Trains steering vectors by reinforcement learning on problems whose answers can be checked (arXiv 2505.18706).
 *
 * @param config fields of the training configuration, all optional: `max_steps`, `num_generations`, `learning_rate`, …
 * @throws UserError for a field that makes no sense, or a problem that does not fit; the signal's reason when aborted, after the
 *   last finished step was saved in the store
 */
export async function train(
  model: SteerableModel,
  problems: readonly Problem[],
  config: TrainConfigInput = {},
  options: TrainOptions = {},
): Promise<TrainResult> {
  const parsed = parseTrainConfig(config, 'the training configuration');
  if (parsed.method !== 'rl') {
    throw new UserError(
      `method is ${parsed.method}; train learns from rewards. The command line and runExperiment know the other methods.`,
    );
  }
  const spec = options.prompt ?? promptSpec(model, parsed.prompt);
  const checked = { ...parsed, answer: config.answer ?? trainingRule(spec) ?? parsed.answer };
  const warning = ruleWarning(spec, checked.answer);
  if (warning !== undefined) options.onWarning?.(warning);
  const encode = asker(model.lm, spec);
  const { evalProblems = [], store = memoryStore(), onStep, on } = options;
  longestPrompt([...problems, ...evalProblems].map(encode), model.lm.model.maxPositions);
  const reward = options.reward ?? builtinReward(checked.reward, checked.answer, checked.seed);
  if (!reward) {
    throw new UserError(
      `reward ${checked.reward} is none of correct, random, format: give a function as options.reward.`,
    );
  }
  const result = await runExperiment({
    lm: model.lm,
    config: checked,
    store,
    encode,
    stop: checked.stop ?? spec.stop,
    reward,
    rewardName: options.reward ? options.reward.name || 'custom' : checked.reward,
    trainProblems: problems,
    testProblems: evalProblems,
    prompted: prompted(model, checked.baseline_prompt),
    resume: options.resume ?? false,
    now,
    signal: options.signal,
    on: {
      ...on,
      step: (row, samples, vectors) => {
        if (isRollout(row)) onStep?.(row);
        on?.step?.(row, samples, vectors);
      },
      warning: (line) => {
        options.onWarning?.(line);
        on?.warning?.(line);
      },
    },
  });
  const bytes = await store.read(RUN_FILES.steering);
  if (!bytes) throw new Error('a finished run left no vectors');
  return {
    ...result,
    metrics: result.metrics.filter(isRollout),
    vectors: new SteeringVectors(decodeSteering(bytes, RUN_FILES.steering)),
    store,
  };
}
