import type { SteeringTarget } from '../autograd/tape.ts';
import { longestPrompt } from '../eval/ask.ts';
import { UserError } from '../gpu/errors.ts';
import { shuffled } from '../gpu/philox.ts';
import { UNTUNED } from '../gpu/tuning.ts';
import { encodeSteering, rowNorms, type Steering } from '../model/steering.ts';
import { type Checkpoint, type OptimizerState, saveCheckpoint } from './checkpoint.ts';
import { layerRates, trainedLayers } from './layers.ts';
import { type MemoryPlan, planMemory } from './memory_plan.ts';
import { PreferenceOptimization } from './methods/dpo.ts';
import type { Method, MethodOptions, Sample, StepRun } from './methods/method.ts';
import { ReinforcementLearning } from './methods/rl.ts';
import { SupervisedFineTuning } from './methods/sft.ts';
import { PrefixFineTuning } from './methods/upft.ts';
import type { StepRow } from './metrics.ts';
import { Optimizer } from './optimizer.ts';
import { appendRows, RUN_FILES, type RunStore } from './rundir.ts';
import { learningRate, warmupSteps } from './schedule.ts';

interface TrainerOptions extends MethodOptions {
  /** Digest of what is learned from, as the model is asked it, for the checkpoint. */
  readonly digest: string;
  readonly store: RunStore;
  readonly checkpoint?: Checkpoint | undefined;
  /** `vectors` are those after the step, [L, C]. */
  readonly onStep?: (row: StepRow, samples: readonly Sample[], vectors: Float32Array) => void;
  /** Runs every step: a profile times some of them. */
  readonly around?: StepRunner | undefined;
}

/** Carries out the work of a step; steps count from 0. */
export type StepRunner = <T>(step: number, work: () => Promise<T>) => Promise<T>;

const METHODS: Readonly<Record<MethodOptions['config']['method'], new (options: MethodOptions) => Method>> = {
  rl: ReinforcementLearning,
  sft: SupervisedFineTuning,
  dpo: PreferenceOptimization,
  upft: PrefixFineTuning,
};

/**
 * Trains the steering vectors, step by step: a method (`methods/`) says what one step learns from, the trainer draws its
 * examples, updates the vectors, writes logs and checkpoints. Random numbers are keyed by seed, step, prompt and
 * completion, so a resumed run continues to the same bits.
 */
export class Trainer {
  readonly optimizer: Optimizer;
  readonly plan: MemoryPlan;
  step: number;
  readonly #o: TrainerOptions;
  readonly #method: Method;
  readonly #target: SteeringTarget;
  readonly #steering: Steering;
  readonly #warmup: number;
  readonly #started: number;

  #numTokens: number;
  #drawn: number;
  /** The permutation of the epoch that the last example came from. */
  #order: { epoch: number; indices: Uint32Array } | undefined;
  #state: OptimizerState;

  constructor(options: TrainerOptions) {
    this.#o = options;
    const { lm, config, checkpoint } = options;
    const { num_hidden_layers: layers, hidden_size: c } = lm.model.config;
    const prompts = options.examples?.map(({ prompt }) => prompt) ?? options.problems.map(options.encode);
    const longest = longestPrompt(prompts, lm.model.maxPositions);
    const size = { config: lm.model.config, weightBytes: lm.model.bytes };
    this.plan = planMemory(size, config, longest, lm.model.device);
    this.#method = new METHODS[config.method](options);
    lm.model.device.arena.keepWithin = this.plan.total;
    this.optimizer = new Optimizer(lm.model.device, layers, c, {
      beta1: config.adam_beta1,
      beta2: config.adam_beta2,
      epsilon: config.adam_epsilon,
      maxGradNorm: config.max_grad_norm,
      rates: layerRates(config, layers),
    });
    this.#target = { grad: this.optimizer.grad, layers: trainedLayers(config.layers, layers) };
    this.#steering = { tensor: this.optimizer.vectors, scale: config.steering_scale };
    this.#warmup = checkpoint?.warmup ?? warmupSteps(config);
    this.#started = options.now();
    this.step = checkpoint?.step ?? 0;
    this.#numTokens = checkpoint?.numTokens ?? 0;
    this.#drawn = checkpoint?.drawn ?? this.step * config.num_prompts;
    const zeros = () => new Float32Array(layers * c);
    this.#state = checkpoint?.state ?? { vectors: zeros(), expAvg: zeros(), expAvgSq: zeros() };
    if (checkpoint) this.optimizer.restore(checkpoint.state, checkpoint.step * config.num_iterations);
  }

  /** The vectors as they stand, on the device. */
  get steering(): Steering {
    return this.#steering;
  }

  /** Seconds of the run so far, all its parts together. */
  get seconds(): number {
    return (this.#o.checkpoint?.seconds ?? 0) + (this.#o.now() - this.#started) / 1000;
  }

  /**
   * Trains to `max_steps`. Whatever ends it early, the last finished step is on disk before this rejects.
   * @param enough asked before every step and after the last: true ends the run
   */
  async run(enough: () => Promise<boolean> = () => Promise.resolve(false)): Promise<void> {
    const { config, signal, around = (_, work) => work() } = this.#o;
    const { device } = this.#o.lm.model;
    try {
      while (!(await enough()) && this.step < config.max_steps) {
        signal?.throwIfAborted();
        await around(this.step, () => device.phase('step', () => this.#trainStep(), { step: this.step }));
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
    const { device } = lm.model;
    const { adapter } = device.caps;
    const checkpoint = {
      step: this.step,
      seconds: this.seconds,
      numTokens: this.#numTokens,
      drawn: this.#drawn,
      warmup: this.#warmup,
      model: lm.model.identity,
      problems: this.#o.digest,
      adapter,
      ...(lm.model.device.tuning !== UNTUNED && { tuning: lm.model.device.tuning }),
      config,
      numLayers,
      hiddenSize,
      state: this.#state,
    };
    await device.phase('checkpoint', async () => {
      await saveCheckpoint(store, checkpoint);
      await this.saveVectors(RUN_FILES.steering);
    });
  }

  /** Writes the vectors of the last finished step to a file of the run folder. */
  async saveVectors(name: string): Promise<void> {
    const { lm, config, store } = this.#o;
    const { num_hidden_layers: numLayers, hidden_size: hiddenSize } = lm.model.config;
    // The folder's own name stays out: two runs with one seed write the same bytes wherever they write them.
    const { output_dir: _, ...settings } = config;
    const metadata = {
      model: lm.model.identity,
      scale: String(config.steering_scale),
      step: String(this.step),
      config: JSON.stringify(settings),
    };
    await store.writeAtomic(name, encodeSteering({ vectors: this.#state.vectors, numLayers, hiddenSize, metadata }));
  }

  dispose(): void {
    this.optimizer.dispose();
  }

  async #trainStep(): Promise<void> {
    const { config, lm, now, store } = this.#o;
    const begun = now();
    const rate = learningRate(this.step, config, this.#warmup);
    let [state, drawn] = [this.#state, this.#drawn];

    const run: StepRun = {
      step: this.step,
      steering: this.#steering,
      target: this.#target,
      recompute: this.plan.recompute,
      maxRows: this.plan.rows,
      keptRows: this.plan.kept.rows,
      cacheBytes: this.plan.cache,
      draw: (count) => Array.from({ length: count }, () => this.#place(drawn++)),
      update: async (pass) => {
        this.optimizer.zeroGrad();
        const { device } = lm.model;
        const result = await device.phase('train', pass);
        const update = await device.phase('update', () => this.optimizer.update(rate));
        refuseNotFinite(this.step, result.loss, update.gradNorm, update.state);
        state = update.state;
        return { pass: result, gradNorm: update.gradNorm };
      },
    };
    const { row: rowOf, completions, samples } = await this.#method.step(run);

    const row = rowOf({
      step: this.step,
      epoch: drawn / this.#method.size,
      learningRate: rate,
      steeringNorms: rowNorms(state.vectors, lm.model.config.num_hidden_layers),
      tokensBefore: this.#numTokens,
      stepTime: (now() - begun) / 1000,
    });
    await appendRows(store, RUN_FILES.completions, completions);
    if (this.step % config.logging_steps === 0 || this.step + 1 === config.max_steps)
      await appendRows(store, RUN_FILES.metrics, [row]);
    // Only now is the step done: whatever failed before, a checkpoint holds the step before it, whole.
    this.#state = state;
    this.#drawn = drawn;
    this.#numTokens = row.num_tokens;
    this.step++;
    this.#o.onStep?.(row, samples, state.vectors);
  }

  /** Place of the n-th example: every epoch is a permutation of its own, keyed by seed and epoch. */
  #place(n: number): number {
    const { size } = this.#method;
    const epoch = Math.floor(n / size);
    if (this.#order?.epoch !== epoch) this.#order = { epoch, indices: shuffled(size, this.#o.config.seed, epoch) };
    return this.#order.indices[n % size] as number;
  }
}

/** @throws UserError where the step's numbers are none: its vectors must not become a checkpoint. */
function refuseNotFinite(step: number, loss: number, gradNorm: number, state: OptimizerState): void {
  const moved = [state.vectors, state.expAvg, state.expAvgSq].every((values) => values.every(Number.isFinite));
  if (Number.isFinite(loss) && Number.isFinite(gradNorm) && moved) return;
  const what = moved ? '' : ', and the updated vectors are no numbers';
  throw new UserError(
    `step ${step}: the loss is ${loss} and the gradient's norm ${gradNorm}${what}; the vectors of the step before are kept. ` +
      'Lower learning_rate or steering_scale, or raise adam_epsilon; if it happens at step 0, the weights themselves hold NaN or infinity.',
  );
}
