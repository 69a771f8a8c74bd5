import type { SteeringTarget } from '../autograd/tape.ts';
import { longestPrompt } from '../eval/ask.ts';
import { completionText, type Prompt, requestsFor, stopCondition } from '../eval/completions.ts';
import type { Problem } from '../eval/data.ts';
import { grade } from '../eval/grade/grade.ts';
import { checkedReward, type RewardFunction } from '../eval/rewards.ts';
import { UserError } from '../gpu/errors.ts';
import { shuffled } from '../gpu/philox.ts';
import { type Completion, generate } from '../model/generate.ts';
import type { LanguageModel } from '../model/language_model.ts';
import { encodeSteering, type Steering } from '../model/steering.ts';
import { advantages } from './advantage.ts';
import { type Checkpoint, type OptimizerState, saveCheckpoint } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import { type MemoryPlan, planMemory } from './memory_plan.ts';
import { type MetricsRow, metricsRow } from './metrics.ts';
import { Optimizer } from './optimizer.ts';
import { type PolicyGroup, policyPass } from './policy.ts';
import { appendRows, type CompletionRow, RUN_FILES, type RunStore } from './rundir.ts';
import { learningRate, warmupSteps } from './schedule.ts';

export interface TrainerOptions {
  readonly lm: LanguageModel;
  readonly config: TrainConfig;
  readonly problems: readonly Problem[];
  readonly encode: (problem: Problem) => Prompt;
  readonly reward: RewardFunction;
  /** For metrics: `rewards/{name}/mean`. */
  readonly rewardName: string;
  readonly stop: readonly string[];
  /** Digest of the problems as the model is asked them, for the checkpoint. */
  readonly digest: string;
  readonly store: RunStore;
  readonly now: () => number;
  readonly checkpoint?: Checkpoint | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onRollout?: (tokens: number, finished: number, total: number) => void;
  /** Before each micro-batch of the training pass: those done, and all. */
  readonly onMicroBatch?: (done: number, total: number) => void;
  readonly onStep?: (row: MetricsRow, samples: readonly Sample[]) => void;
}

/** One completion of a step with all that is known of it. */
export interface Sample {
  readonly prompt: Prompt;
  readonly completion: Completion;
  readonly text: string;
  readonly extracted: string | undefined;
  readonly correct: boolean;
  readonly reward: number;
  readonly advantage: number;
}

/**
 * Reinforcement learning of the steering vectors: K completions a prompt, rewards from the verifier, advantages within the
 * prompt, one gradient step (arXiv 2505.18706, section 3). Random numbers are keyed by seed, step, prompt and completion,
 * so a resumed run continues to the same bits.
 */
export class Trainer {
  readonly optimizer: Optimizer;
  readonly plan: MemoryPlan;
  step: number;
  readonly #o: TrainerOptions;
  readonly #target: SteeringTarget;
  readonly #steering: Steering;
  readonly #warmup: number;
  readonly #started: number;

  #numTokens: number;
  /** The permutation of the epoch that the last problem came from. */
  #order: { epoch: number; indices: Uint32Array } | undefined;
  #state: OptimizerState;

  constructor(options: TrainerOptions) {
    this.#o = options;
    const { lm, config, checkpoint } = options;
    const { num_hidden_layers: layers, hidden_size: c } = lm.model.config;
    const longest = longestPrompt(options.problems.map(options.encode), lm.model.maxPositions);
    const size = { config: lm.model.config, weightBytes: lm.model.bytes };
    this.plan = planMemory(size, config, longest, lm.model.device.caps.maxBinding);
    lm.model.device.arena.keepWithin = this.plan.total;
    this.optimizer = new Optimizer(lm.model.device, layers, c, {
      beta1: config.adam_beta1,
      beta2: config.adam_beta2,
      epsilon: config.adam_epsilon,
      maxGradNorm: config.max_grad_norm,
    });
    this.#target = { grad: this.optimizer.grad, layers: trainedLayers(config.layers, layers) };
    this.#steering = { tensor: this.optimizer.vectors, scale: config.steering_scale };
    this.#warmup = checkpoint?.warmup ?? warmupSteps(config);
    this.#started = options.now();
    this.step = checkpoint?.step ?? 0;
    this.#numTokens = checkpoint?.numTokens ?? 0;
    const zeros = () => new Float32Array(layers * c);
    this.#state = checkpoint?.state ?? { vectors: zeros(), expAvg: zeros(), expAvgSq: zeros() };
    if (checkpoint) this.optimizer.restore(checkpoint.state, checkpoint.step);
  }

  /** The vectors as they stand, on the device. */
  get steering(): Steering {
    return this.#steering;
  }

  /** Seconds of the run so far, all its parts together. */
  get seconds(): number {
    return (this.#o.checkpoint?.seconds ?? 0) + (this.#o.now() - this.#started) / 1000;
  }

  /** Trains to `max_steps`. Whatever ends it early, the last finished step is on disk before this rejects. */
  async run(): Promise<void> {
    const { config, signal } = this.#o;
    try {
      while (this.step < config.max_steps) {
        signal?.throwIfAborted();
        await this.#trainStep();
        if (config.save_steps > 0 && this.step % config.save_steps === 0) await this.save();
      }
    } catch (error) {
      await this.save();
      throw error;
    }
    await this.save();
  }

  /** Writes checkpoint and vectors, each as a whole. */
  async save(): Promise<void> {
    const { lm, config, store } = this.#o;
    const { num_hidden_layers: numLayers, hidden_size: hiddenSize } = lm.model.config;
    const adapter = lm.model.device.caps.adapter;
    await saveCheckpoint(store, {
      step: this.step,
      seconds: this.seconds,
      numTokens: this.#numTokens,
      warmup: this.#warmup,
      model: lm.model.identity,
      problems: this.#o.digest,
      adapter,
      config,
      numLayers,
      hiddenSize,
      state: this.#state,
    });
    // The folder's own name stays out: two runs with one seed write the same bytes wherever they write them.
    const { output_dir: _, ...settings } = config;
    const metadata = {
      model: lm.model.identity,
      scale: String(config.steering_scale),
      step: String(this.step),
      config: JSON.stringify(settings),
    };
    await store.writeAtomic(
      RUN_FILES.steering,
      encodeSteering({ vectors: this.#state.vectors, numLayers, hiddenSize, metadata }),
    );
  }

  dispose(): void {
    this.optimizer.dispose();
  }

  async #trainStep(): Promise<void> {
    const { config, lm, now } = this.#o;
    const k = config.num_generations;
    const begun = now();

    const prompts = this.#nextProblems().map(this.#o.encode);
    const completions = await this.#rollout(prompts);
    const rolledOut = now();

    const graded: Omit<Sample, 'advantage'>[] = [];
    for (const [i, prompt] of prompts.entries()) {
      for (const [j, c] of (completions[i] as Completion[]).entries()) graded.push(await this.#grade(prompt, c, i, j));
    }
    const advantage = advantages(
      graded.map((g) => g.reward),
      k,
      config,
    );
    const samples = graded.map((g, i) => ({ ...g, advantage: advantage[i] as number }));

    this.optimizer.zeroGrad();
    const groups = prompts.map((prompt, i) => policyGroup(prompt, samples.slice(i * k, (i + 1) * k), config));
    const pass = await policyPass(lm.model, groups, {
      steering: this.#steering,
      target: this.#target,
      temperature: config.temperature,
      beta: config.beta,
      lossType: config.loss_type,
      maxCompletionLength: config.max_completion_length,
      recompute: config.recompute,
      maxRows: this.plan.rows,
      signal: this.#o.signal,
      onMicroBatch: this.#o.onMicroBatch,
    });
    const rate = learningRate(this.step, config, this.#warmup);
    const { gradNorm, state } = await this.optimizer.update(rate);
    refuseNotFinite(this.step, pass.loss, gradNorm);
    const done = now();

    const entropies = samples.flatMap((s) => s.completion.entropy);
    const row = metricsRow(
      samples.map((s, i) => ({
        reward: s.reward,
        correct: s.correct,
        completionTokens: s.completion.ids.length,
        promptTokens: s.prompt.ids.length,
        clipped: s.completion.finishReason === 'length',
        samplingLogp: s.completion.logp,
        trainingLogp: pass.logp[Math.floor(i / k)]?.[i % k] ?? [],
      })),
      {
        step: this.step,
        epoch: ((this.step + 1) * config.num_prompts) / this.#o.problems.length,
        rewardName: this.#o.rewardName,
        numGenerations: k,
        loss: pass.loss,
        entropy: entropies.reduce((a, b) => a + b, 0) / Math.max(1, entropies.length),
        kl: config.beta > 0 ? pass.kl : undefined,
        gradNorm,
        learningRate: rate,
        steeringNorms: norms(state.vectors, lm.model.config.hidden_size),
        tokensBefore: this.#numTokens,
        rolloutTime: (rolledOut - begun) / 1000,
        trainTime: (done - rolledOut) / 1000,
        stepTime: (done - begun) / 1000,
      },
    );
    await this.#log(row, samples);
    // Only now is the step done: whatever failed before, a checkpoint holds the step before it, whole.
    this.#state = state;
    this.#numTokens = row.num_tokens;
    this.step++;
    this.#o.onStep?.(row, samples);
  }

  /** The next `num_prompts` problems: every epoch is a permutation of its own, keyed by seed and epoch. */
  #nextProblems(): Problem[] {
    const { config, problems } = this.#o;
    return Array.from({ length: config.num_prompts }, (_, i) => {
      const at = this.step * config.num_prompts + i;
      const epoch = Math.floor(at / problems.length);
      if (this.#order?.epoch !== epoch) this.#order = { epoch, indices: shuffled(problems.length, config.seed, epoch) };
      return problems[this.#order.indices[at % problems.length] as number] as Problem;
    });
  }

  #rollout(prompts: readonly Prompt[]): Promise<Completion[][]> {
    const { config, lm, stop, signal, onRollout } = this.#o;
    const shouldStop = stopCondition(lm, stop);
    const sampling = { temperature: config.temperature };
    const requests = requestsFor(prompts, config.max_completion_length, (prompt) =>
      Array.from({ length: config.num_generations }, (_, completion) => ({
        sampling,
        key: { step: this.step, prompt, completion },
      })),
    );
    return generate(lm.model, requests, {
      seed: config.seed,
      eosIds: lm.eosIds,
      steering: this.#steering,
      cacheBytes: this.plan.cache,
      signal,
      ...(shouldStop && { shouldStop }),
      onProgress: (tokens, finished) => onRollout?.(tokens, finished, prompts.length * config.num_generations),
    });
  }

  async #grade(
    prompt: Prompt,
    completion: Completion,
    promptIndex: number,
    completionIndex: number,
  ): Promise<Omit<Sample, 'advantage'>> {
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
      step: this.step,
      promptIndex,
      completionIndex,
    });
    return { prompt, completion, text, extracted, correct, reward: value };
  }

  async #log(row: MetricsRow, samples: readonly Sample[]): Promise<void> {
    const { store, config } = this.#o;
    const k = config.num_generations;
    const completions = samples.map(
      (s, i): CompletionRow => ({
        step: this.step,
        problem: s.prompt.problem.index,
        completion_index: i % k,
        prompt: s.prompt.text,
        completion: s.text,
        answer: s.prompt.problem.answer,
        extracted: s.extracted ?? null,
        correct: s.correct,
        reward: s.reward,
        advantage: s.advantage,
        finish_reason: s.completion.finishReason,
        tokens: s.completion.ids.length,
      }),
    );
    await appendRows(store, RUN_FILES.completions, completions);
    if (this.step % config.logging_steps === 0 || this.step + 1 === config.max_steps)
      await appendRows(store, RUN_FILES.metrics, [row]);
  }
}

/** @throws UserError where the step's numbers are none: its vectors must not become a checkpoint. */
function refuseNotFinite(step: number, loss: number, gradNorm: number): void {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return;
  throw new UserError(
    `step ${step}: the loss is ${loss} and the gradient's norm ${gradNorm}; the vectors of the step before are kept. ` +
      'Lower learning_rate or steering_scale; if it happens at step 0, the weights themselves hold NaN or infinity.',
  );
}

/** Norm of each row of [L, C]. */
function norms(vectors: Float32Array, c: number): number[] {
  return Array.from({ length: vectors.length / c }, (_, l) =>
    Math.sqrt(vectors.subarray(l * c, (l + 1) * c).reduce((sum, x) => sum + x * x, 0)),
  );
}

function policyGroup(prompt: Prompt, samples: readonly Sample[], config: TrainConfig): PolicyGroup {
  return {
    prompt: prompt.ids,
    completions: samples.map((s) => s.completion.ids),
    advantages: samples.map((s) => s.advantage),
    inLoss: samples.map((s) => !(config.mask_truncated_completions && s.completion.finishReason === 'length')),
  };
}

/** @throws UserError for a layer that the model does not have. */
export function trainedLayers(layers: 'all' | readonly number[], count: number): ReadonlySet<number> {
  if (layers === 'all') return new Set(Array.from({ length: count }, (_, l) => l));
  const beyond = layers.find((l) => l >= count);
  if (beyond !== undefined)
    throw new UserError(`layers names layer ${beyond}, and the model has layers 0 to ${count - 1}.`);
  return new Set(layers);
}
