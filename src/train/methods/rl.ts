import { completionText, type Prompt } from '../../eval/completions.ts';
import { grade } from '../../eval/grade/grade.ts';
import { checkedReward } from '../../eval/rewards.ts';
import { mean } from '../../eval/stats.ts';
import type { Completion } from '../../model/generate.ts';
import { ActivationStore } from '../activation_store.ts';
import { advantages } from '../advantage.ts';
import { type CommonFigures, metricsRow, type StepFigures } from '../metrics.ts';
import { overlongPenalty } from '../overlong.ts';
import { type PolicyGroup, type PolicyResult, policyPass } from '../policy.ts';
import { clipsRatio } from '../ratio.ts';
import type { CompletionRow } from '../rundir.ts';
import { sequenceLogps, sumOf } from '../sequence_logps.ts';
import { type Method, type MethodOptions, passOptions, type Sample, type StepOutcome, type StepRun } from './method.ts';
import { rollout } from './rollout.ts';

/** A sampled completion and what it earned, before it is compared with the others. */
interface Graded extends Omit<Sample, 'advantage'> {
  /** What the reward function gave, before the penalty. */
  readonly earned: number;
  /** What `soft_punish_cache` took off the reward, at most 0. */
  readonly penalty: number;
}

interface Group {
  readonly prompt: Prompt;
  readonly samples: readonly Graded[];
}

/** What a rollout sampled, and what it decoded for that. */
interface Sampled {
  readonly groups: Group[];
  readonly decoded: StepFigures['decoded'];
}

/**
 * Reinforcement learning: K completions a prompt, rewards from the verifier, advantages within the prompt, one update or
 * several (arXiv 2505.18706, section 3; GRPO and its kin by the fields of the configuration).
 */
export class ReinforcementLearning implements Method {
  readonly size: number;
  readonly #o: MethodOptions;
  #warned = false;

  constructor(options: MethodOptions) {
    this.#o = options;
    this.size = options.problems.length;
  }

  async step(run: StepRun): Promise<StepOutcome> {
    const { lm, config } = this.#o;
    const keptAs = { reference: config.beta > 0, dtype: config.activation_dtype };
    const store = run.keptRows > 0 ? new ActivationStore(lm.model.device, run.target, run.keptRows, keptAs) : undefined;
    try {
      return await this.#step(run, store);
    } finally {
      store?.dispose();
    }
  }

  async #step(run: StepRun, store: ActivationStore | undefined): Promise<StepOutcome> {
    const { config, now } = this.#o;
    const k = config.num_generations;
    const begun = now();
    const { groups, decoded, replaced, replacedTokens } = await this.#rollout(run, store);
    const rolledOut = now();

    const graded = groups.flatMap((group) => group.samples);
    const divergence = config.kl_in_reward ? await this.#divergence(run, groups, store) : undefined;
    const rewards = graded.map((g, i) => g.reward - config.beta * (divergence?.[i] ?? 0));
    const advantage = advantages(rewards, k, config);
    const samples = graded.map((g, i) => ({ ...g, advantage: advantage[i] as number }));
    const policyGroups = groups.map(({ prompt }, i) => this.#policyGroup(prompt, samples.slice(i * k, (i + 1) * k)));
    const { passes, gradNorm } = await this.#updates(run, policyGroups, store);
    const trained = now();

    const [first] = passes as [PolicyResult];
    if (first.beyond && !this.#warned) {
      this.#warned = true;
      this.#o.onWarning?.(
        `Activations of step ${run.step} are beyond 65,504, the largest number of f16, and were kept as that: the gradient is wrong by more than ` +
          'rounding. Train with activation_dtype: f32.',
      );
    }
    const figures: Omit<StepFigures, keyof CommonFigures> = {
      rewardName: this.#o.rewardName,
      numGenerations: k,
      loss: mean(passes.map((pass) => pass.loss)),
      gradNorm,
      entropy: mean(samples.flatMap((s) => s.completion.entropy)),
      kl: divergence ? mean(divergence) : config.beta > 0 ? mean(passes.map((pass) => pass.kl)) : undefined,
      clip: clipsRatio(config)
        ? { low: mean(passes.map((pass) => pass.clip.low)), high: mean(passes.map((pass) => pass.clip.high)) }
        : undefined,
      replaced: config.dynamic_sampling ? replaced : undefined,
      replacedTokens,
      decoded,
      rolloutTime: (rolledOut - begun) / 1000,
      trainTime: (trained - rolledOut) / 1000,
    };
    const rolled = samples.map((s, i) => ({
      reward: s.reward,
      ...(config.soft_punish_cache > 0 && { penalty: s.penalty }),
      correct: s.correct,
      completionTokens: s.completion.ids.length,
      promptTokens: s.prompt.ids.length,
      clipped: s.completion.finishReason === 'length',
      samplingLogp: s.completion.logp,
      trainingLogp: first.logp[Math.floor(i / k)]?.[i % k] ?? [],
    }));
    return {
      samples,
      completions: samples.map((s, i) => completionRow(s, run.step, i % k)),
      row: (common) => metricsRow(rolled, { ...figures, ...common }),
    };
  }

  /**
   * The step's groups. With dynamic sampling a prompt whose completions all earn the same is replaced by the next one,
   * again and again up to `max_resamples` rounds; what is still dull then stays (Yu et al., arXiv 2503.14476, section 3.2).
   */
  async #rollout(
    run: StepRun,
    store: ActivationStore | undefined,
  ): Promise<Sampled & { replaced: number; replacedTokens: number }> {
    const { config } = this.#o;
    let { groups, decoded } = await this.#sample(run, config.num_prompts, 0, store);
    let [replaced, replacedTokens] = [0, 0];
    for (let round = 0; config.dynamic_sampling && round < config.max_resamples; round++) {
      const dull = groups.filter(earnsTheSame);
      if (dull.length === 0) break;
      const fresh = await this.#sample(run, dull.length, config.num_prompts + replaced, store);
      decoded = { rows: decoded.rows + fresh.decoded.rows, tokens: decoded.tokens + fresh.decoded.tokens };
      replaced += dull.length;
      replacedTokens += dull.reduce((sum, group) => sum + tokensOf(group), 0);
      groups = groups.map((group) => (earnsTheSame(group) ? (fresh.groups.shift() as Group) : group));
    }
    return { groups, decoded, replaced, replacedTokens };
  }

  async #sample(run: StepRun, count: number, first: number, keeper: ActivationStore | undefined): Promise<Sampled> {
    const { config, problems, encode } = this.#o;
    const prompts = run.draw(count).map((place) => encode(problems[place] as (typeof problems)[number]));
    const maxNewTokens = config.max_completion_length;
    const groups = prompts.map((prompt) => ({ prompt, samples: [] as Graded[] }));
    let [rows, tokens] = [0, 0];
    // One after the other, while the GPU samples those that are not finished.
    let grading: Promise<unknown> = Promise.resolve();
    const onCompletion = (i: number, j: number, completion: Completion) => {
      const { prompt, samples } = groups[i] as (typeof groups)[number];
      tokens += completion.ids.length - 1;
      grading = grading.then(async () => {
        samples[j] = await this.#grade(run, prompt, completion, first + i, j);
      });
      // It is awaited below; until then nobody listens.
      grading.catch(() => {});
    };
    const onRows = (soFar: number) => {
      rows = soFar;
    };
    await rollout(this.#o, run, prompts, { first, maxNewTokens, steering: run.steering, keeper, onCompletion, onRows });
    // What is left of it when the last has finished.
    await this.#o.lm.model.device.phase('reward', () => grading);
    return { groups, decoded: { rows, tokens } };
  }

  async #grade(
    run: StepRun,
    prompt: Prompt,
    completion: Completion,
    promptIndex: number,
    completionIndex: number,
  ): Promise<Graded> {
    const { config, lm, reward, rewardName, stop } = this.#o;
    const text = completionText(lm, completion, stop);
    const { problem } = prompt;
    const { correct, extracted } = await grade(text, problem.answer, config.answer);
    const value = await checkedReward(reward, rewardName, {
      prompt: prompt.text,
      completion: text,
      answer: problem.answer,
      problem,
      finishReason: completion.finishReason,
      step: run.step,
      promptIndex,
      completionIndex,
    });
    const penalty = overlongPenalty(completion.ids.length, config);
    return { prompt, completion, text, extracted, correct, earned: value, reward: value + penalty, penalty };
  }

  /** Σ_t log π − log π_ref of every completion: what TRL's RLOOTrainer takes off the rewards, times beta. */
  async #divergence(run: StepRun, groups: readonly Group[], store: ActivationStore | undefined): Promise<number[]> {
    const { config, lm, signal } = this.#o;
    const given = groups.map(({ prompt, samples }) => ({
      prompt: prompt.ids,
      completions: samples.map((s) => s.completion.ids),
      kept: samples.map((s) => s.completion.kept),
    }));
    const options = { temperature: config.temperature, store, maxRows: run.maxRows, signal };
    const policy = await sequenceLogps(lm.model, given, { ...options, steering: run.steering });
    const reference = await sequenceLogps(lm.model, given, options);
    return policy.flatMap((group, g) => group.map((logp, c) => sumOf(logp) - sumOf(reference[g]?.[c])));
  }

  /**
   * `num_iterations` updates on one rollout. The ratio is to the log-probabilities of the first pass, before any of them.
   * One update with a ratio of tokens is the plain policy gradient. What the rollout kept is as it was for the first alone; the
   * model without vectors is run in the first alone.
   */
  async #updates(
    run: StepRun,
    groups: readonly PolicyGroup[],
    store: ActivationStore | undefined,
  ): Promise<{ passes: PolicyResult[]; gradNorm: number }> {
    const { config, lm } = this.#o;
    const passes: PolicyResult[] = [];
    const norms: number[] = [];
    for (let i = 0; i < config.num_iterations; i++) {
      const ratio = clipsRatio(config) && {
        level: config.importance_sampling_level,
        epsilonLow: config.epsilon,
        epsilonHigh: config.epsilon_high ?? config.epsilon,
        old: passes[0]?.logp,
      };
      const { pass, gradNorm } = await run.update(() =>
        policyPass(lm.model, groups, {
          ...passOptions(this.#o, run),
          temperature: config.temperature,
          beta: config.kl_in_reward ? 0 : config.beta,
          lossType: config.loss_type,
          ...(i === 0 && { store }),
          reference: passes[0]?.reference,
          ...(ratio && { ratio }),
        }),
      );
      passes.push(pass);
      norms.push(gradNorm);
    }
    return { passes, gradNorm: mean(norms) };
  }

  #policyGroup(prompt: Prompt, samples: readonly Sample[]): PolicyGroup {
    const masked = this.#o.config.mask_truncated_completions;
    return {
      prompt: prompt.ids,
      completions: samples.map((s) => s.completion.ids),
      advantages: samples.map((s) => s.advantage),
      kept: samples.map((s) => s.completion.kept),
      inLoss: samples.map((s) => !(masked && s.completion.finishReason === 'length')),
    };
  }
}

function earnsTheSame({ samples }: Group): boolean {
  return samples.every((s) => s.earned === (samples[0] as Graded).earned);
}

function tokensOf({ prompt, samples }: Group): number {
  return samples.reduce((sum, s) => sum + prompt.ids.length + s.completion.ids.length, 0);
}

function completionRow(s: Sample, step: number, index: number): CompletionRow {
  return {
    step,
    problem: s.prompt.problem.index,
    completion_index: index,
    prompt: s.prompt.text,
    completion: s.text,
    answer: s.prompt.problem.answer,
    extracted: s.extracted ?? null,
    correct: s.correct,
    reward: s.reward,
    advantage: s.advantage,
    finish_reason: s.completion.finishReason,
    tokens: s.completion.ids.length,
  };
}
