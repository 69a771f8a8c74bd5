import { mean } from '../eval/stats.ts';
import { sampleStd } from './advantage.ts';

/** What every row of metrics.jsonl has, whatever the method. docs/metrics.md explains each. */
interface CommonRow {
  /** From 0. */
  step: number;
  /** Passes over the problems so far. */
  epoch: number;
  loss: number;
  num_tokens: number;
  grad_norm: number;
  learning_rate: number;
  /** Norm of every layer's vector after the update, lowest layer first; 0 where a layer is not trained. */
  steering_norms?: readonly number[];
  step_time: number;
  rollout_time: number;
  train_time: number;
}

/** A step of reinforcement learning: TRL's names where TRL has the figure. */
export interface MetricsRow extends CommonRow {
  reward: number;
  reward_std: number;
  frac_reward_zero_std: number;
  /** Share graded correct by the verifier, whatever the reward was. */
  accuracy: number;
  'completions/mean_length': number;
  'completions/min_length': number;
  'completions/max_length': number;
  'completions/clipped_ratio': number;
  'completions/mean_terminated_length': number;
  entropy: number;
  /** Only when beta is above 0. */
  kl?: number;
  /** Only where the importance ratio is clipped. */
  'clip_ratio/low_mean'?: number;
  'clip_ratio/high_mean'?: number;
  'clip_ratio/region_mean'?: number;
  /** Only with dynamic sampling: prompts that were replaced in the step. */
  num_resampled?: number;
  'sampling/sampling_logp_difference/mean': number;
  'sampling/sampling_logp_difference/max': number;
  /** Rows of decoding that tokens were drawn from, as a share of the tokens; 1 where nothing was decoded. */
  'rollout/distinct_rows': number;
  tokens_per_second: number;
  [name: `rewards/${string}/${'mean' | 'std'}`]: number;
}

/** A step of SFT or UPFT. */
export interface SupervisedRow extends CommonRow {
  'completions/mean_length': number;
  'completions/clipped_ratio': number;
}

/** A step of DPO. */
export interface PreferenceRow extends CommonRow {
  'rewards/chosen': number;
  'rewards/rejected': number;
  'rewards/accuracies': number;
  'rewards/margins': number;
  'logps/chosen': number;
  'logps/rejected': number;
}

export type StepRow = MetricsRow | SupervisedRow | PreferenceRow;

/** What the trainer knows of a step of any method. */
export interface CommonFigures {
  step: number;
  epoch: number;
  learningRate: number;
  /** Norm of every layer's vector after the update, where it was read. */
  steeringNorms?: readonly number[] | undefined;
  /** Value of num_tokens in the row before, 0 at the start. */
  tokensBefore: number;
  /** Seconds. */
  stepTime: number;
}

/** The common part of a row. @param figures with the tokens of the step */
export function commonRow(
  figures: CommonFigures & { loss: number; gradNorm: number; tokens: number; rolloutTime: number; trainTime: number },
): CommonRow {
  return {
    step: figures.step,
    epoch: figures.epoch,
    loss: figures.loss,
    num_tokens: figures.tokensBefore + figures.tokens,
    grad_norm: figures.gradNorm,
    learning_rate: figures.learningRate,
    ...(figures.steeringNorms === undefined ? {} : { steering_norms: figures.steeringNorms }),
    step_time: figures.stepTime,
    rollout_time: figures.rolloutTime,
    train_time: figures.trainTime,
  };
}

/** One sampled completion as the metrics see it. */
export interface RolloutSample {
  /** With the penalty in it. */
  reward: number;
  /** What soft overlong punishment took off, where it is on. */
  penalty?: number;
  correct: boolean;
  /** Tokens sampled, a sampled end-of-sequence token included. */
  completionTokens: number;
  promptTokens: number;
  /** Cut off at max_completion_length. */
  clipped: boolean;
  /** Log-probability of each sampled token when it was sampled, [completionTokens]; empty where it was not kept. */
  samplingLogp: ArrayLike<number>;
  /** The same tokens' log-probabilities in the training pass, [completionTokens]; empty where it was not kept. */
  trainingLogp: ArrayLike<number>;
}

/** What the rollout and the training pass of reinforcement learning add. */
export interface StepFigures extends CommonFigures {
  rewardName: string;
  numGenerations: number;
  /** Mean over the updates of the step, as `gradNorm`, `kl` and `clip` are. */
  loss: number;
  /** Mean over the sampled tokens, in nats. */
  entropy: number;
  kl?: number | undefined;
  clip?: { readonly low: number; readonly high: number } | undefined;
  /** Of all vectors together, before the clip. */
  gradNorm: number;
  /** Prompts that dynamic sampling replaced, where it is on, and their tokens. */
  replaced?: number | undefined;
  replacedTokens?: number;
  /** Tokens that decoding drew, which is each but a completion's first, and the rows that they were drawn from. */
  decoded: { readonly rows: number; readonly tokens: number };
  /** Seconds. */
  rolloutTime: number;
  trainTime: number;
}

function groupStds(rewards: readonly number[], k: number): number[] {
  return Array.from({ length: Math.ceil(rewards.length / k) }, (_, group) =>
    sampleStd(rewards.slice(group * k, (group + 1) * k)),
  );
}

/** Mean and largest |log-probability when sampled - log-probability in training| over all tokens; a NaN shows as NaN. */
function logpDifference(samples: readonly RolloutSample[]): { mean: number; max: number } {
  let [sum, max, count] = [0, 0, 0];
  for (const { samplingLogp, trainingLogp } of samples) {
    for (let t = 0; t < Math.min(samplingLogp.length, trainingLogp.length); t += 1) {
      const difference = Math.abs((samplingLogp[t] as number) - (trainingLogp[t] as number));
      sum += difference;
      max = Math.max(max, difference);
      count += 1;
    }
  }
  return { mean: count === 0 ? 0 : sum / count, max };
}

/**
 * The metrics of one step.
 * @param samples [prompts * K], the completions of one prompt next to each other
 */
export function metricsRow(samples: readonly RolloutSample[], figures: StepFigures): MetricsRow {
  const rewards = samples.map((sample) => sample.reward);
  const lengths = samples.map((sample) => sample.completionTokens);
  const ended = samples.filter((sample) => !sample.clipped).map((sample) => sample.completionTokens);
  const stds = groupStds(rewards, figures.numGenerations);
  const difference = logpDifference(samples);
  const sampled = lengths.reduce((a, b) => a + b, 0);
  const prompted = samples.reduce((total, sample) => total + sample.promptTokens, 0);
  const penalties = samples.flatMap((sample) => (sample.penalty === undefined ? [] : [sample.penalty]));
  const earned = samples.map((sample) => sample.reward - (sample.penalty ?? 0));
  const { clip } = figures;
  return {
    ...commonRow({ ...figures, tokens: sampled + prompted + (figures.replacedTokens ?? 0) }),
    reward: mean(rewards),
    reward_std: mean(stds),
    frac_reward_zero_std: mean(stds.map((std) => (std === 0 ? 1 : 0))),
    [`rewards/${figures.rewardName}/mean`]: mean(earned),
    [`rewards/${figures.rewardName}/std`]: sampleStd(earned),
    ...(penalties.length > 0 && {
      'rewards/soft_overlong_punishment/mean': mean(penalties),
      'rewards/soft_overlong_punishment/std': sampleStd(penalties),
    }),
    accuracy: mean(samples.map((sample) => (sample.correct ? 1 : 0))),
    'completions/mean_length': mean(lengths),
    'completions/min_length': lengths.reduce((a, b) => Math.min(a, b), lengths[0] ?? 0),
    'completions/max_length': lengths.reduce((a, b) => Math.max(a, b), 0),
    'completions/clipped_ratio': mean(samples.map((sample) => (sample.clipped ? 1 : 0))),
    'completions/mean_terminated_length': mean(ended),
    entropy: figures.entropy,
    ...(figures.kl === undefined ? {} : { kl: figures.kl }),
    ...(clip && {
      'clip_ratio/low_mean': clip.low,
      'clip_ratio/high_mean': clip.high,
      'clip_ratio/region_mean': clip.low + clip.high,
    }),
    ...(figures.replaced === undefined ? {} : { num_resampled: figures.replaced }),
    'sampling/sampling_logp_difference/mean': difference.mean,
    'sampling/sampling_logp_difference/max': difference.max,
    'rollout/distinct_rows': figures.decoded.tokens > 0 ? figures.decoded.rows / figures.decoded.tokens : 1,
    tokens_per_second: figures.rolloutTime > 0 ? sampled / figures.rolloutTime : 0,
  };
}

/** Whether a row is one of reinforcement learning. */
export function isRollout(row: StepRow): row is MetricsRow {
  return 'reward' in row;
}
