import { sampleStd } from './advantage.ts';

/** One row of metrics.jsonl: TRL's names where TRL has the figure. docs/metrics.md explains each. */
export interface MetricsRow {
  /** From 0. */
  step: number;
  /** Passes over the problems so far. */
  epoch: number;
  loss: number;
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
  num_tokens: number;
  entropy: number;
  /** Only when beta is above 0. */
  kl?: number;
  grad_norm: number;
  learning_rate: number;
  /** Norm of each trained vector after the update, lowest layer first. */
  steering_norms?: readonly number[];
  'sampling/sampling_logp_difference/mean': number;
  'sampling/sampling_logp_difference/max': number;
  step_time: number;
  rollout_time: number;
  train_time: number;
  tokens_per_second: number;
  [name: `rewards/${string}/${'mean' | 'std'}`]: number;
}

/** One sampled completion as the metrics see it. */
export interface RolloutSample {
  reward: number;
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

/** What the training pass and the clocks add. */
export interface StepFigures {
  step: number;
  epoch: number;
  rewardName: string;
  numGenerations: number;
  loss: number;
  /** Mean over the sampled tokens, in nats. */
  entropy: number;
  kl?: number | undefined;
  /** Of all vectors together, before the clip. */
  gradNorm: number;
  learningRate: number;
  /** Norm of each trained vector after the update, where it was read. */
  steeringNorms?: readonly number[] | undefined;
  /** Value of num_tokens in the row before, 0 at the start. */
  tokensBefore: number;
  /** Seconds. */
  rolloutTime: number;
  trainTime: number;
  stepTime: number;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
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
  return {
    step: figures.step,
    epoch: figures.epoch,
    loss: figures.loss,
    reward: mean(rewards),
    reward_std: mean(stds),
    frac_reward_zero_std: mean(stds.map((std) => (std === 0 ? 1 : 0))),
    [`rewards/${figures.rewardName}/mean`]: mean(rewards),
    [`rewards/${figures.rewardName}/std`]: sampleStd(rewards),
    accuracy: mean(samples.map((sample) => (sample.correct ? 1 : 0))),
    'completions/mean_length': mean(lengths),
    'completions/min_length': lengths.reduce((a, b) => Math.min(a, b), lengths[0] ?? 0),
    'completions/max_length': lengths.reduce((a, b) => Math.max(a, b), 0),
    'completions/clipped_ratio': mean(samples.map((sample) => (sample.clipped ? 1 : 0))),
    'completions/mean_terminated_length': mean(ended),
    num_tokens: figures.tokensBefore + sampled + prompted,
    entropy: figures.entropy,
    ...(figures.kl === undefined ? {} : { kl: figures.kl }),
    grad_norm: figures.gradNorm,
    learning_rate: figures.learningRate,
    ...(figures.steeringNorms === undefined ? {} : { steering_norms: figures.steeringNorms }),
    'sampling/sampling_logp_difference/mean': difference.mean,
    'sampling/sampling_logp_difference/max': difference.max,
    step_time: figures.stepTime,
    rollout_time: figures.rolloutTime,
    train_time: figures.trainTime,
    tokens_per_second: figures.rolloutTime > 0 ? sampled / figures.rolloutTime : 0,
  };
}
