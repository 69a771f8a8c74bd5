import { now } from '#platform';
import { type SteeringTarget, Tape } from '../src/autograd/tape.ts';
import { type Prompt, requestsFor, stopCondition } from '../src/eval/completions.ts';
import type { Problem } from '../src/eval/data.ts';
import { builtinReward } from '../src/eval/rewards.ts';
import type { Cost } from '../src/gpu/kernel.ts';
import type { TimedDispatch } from '../src/gpu/profiler.ts';
import { type Timing, timing } from '../src/gpu/timing.ts';
import { type GenerateOptions, type GenerationRequest, generate } from '../src/model/generate.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import { logProbabilities } from '../src/model/log_probabilities.ts';
import { pack, uploadPacked } from '../src/model/packing.ts';
import type { TrainConfig } from '../src/train/config.ts';
import { type PolicyGroup, policyPass } from '../src/train/policy.ts';
import { memoryStore } from '../src/train/rundir.ts';
import { Trainer } from '../src/train/trainer.ts';
import { interleaved } from './measure.ts';
import { recorded } from './record.ts';
import type { Extra, Row, Rows } from './row.ts';

/** The model and task that the rows are measured on. */
export interface EndToEnd {
  readonly lm: LanguageModel;
  readonly config: TrainConfig;
  readonly problems: readonly Problem[];
  readonly encode: (problem: Problem) => Prompt;
  readonly stop: readonly string[];
  /** Hears what the training pass was given and what it gave, for comparison with other implementations. */
  readonly onTraining?: ((training: MeasuredTraining) => void) | undefined;
}

/** The completions of a measured training pass, the vectors' one value, and the gradient [L, C] of the mean loss of a token. */
export interface MeasuredTraining {
  readonly groups: readonly PolicyGroup[];
  readonly vector: number;
  readonly gradient: readonly number[];
}

export const END_TO_END_NAMES = [
  'prefill',
  'decode',
  'rollout',
  'forward',
  'training_pass',
  'training_pass_recompute',
  'step',
  'record',
] as const;

/** Completions in flight, and passes timed, of the decode row. */
const DECODE_ROWS = 64;
const DECODE_PASSES = 32;
/** Prompts of one prefill. */
const PREFILL_PROMPTS = 16;
/** Repeats of the forward and the training pass, whose ratio is wanted. */
const PASSES = 7;
/** Steps that are timed, after one that is not. */
const STEPS = 3;
/** Runs that recording is measured in. */
const RECORDED = 3;
/** What every element of the vectors is in a measured training pass. */
const VECTOR = 0.01;
/** As in the trainer. */
const MAX_ROWS = 4096;

/** Profiles one more run of what a row measures. */
export type ProfileRun = (name: string, run: () => Promise<unknown>) => Promise<void>;

/** Measures the rows that `wanted` takes and hands each to `emit`. */
export async function endToEndRows(
  setup: EndToEnd,
  rows: Rows,
  wanted: (name: string) => boolean,
  profile: ProfileRun | undefined,
  emit: (row: Row) => void,
): Promise<void> {
  const bench = new EndToEndBench(setup, rows, profile, emit);
  if (wanted('prefill')) await bench.prefill();
  if (wanted('decode') || wanted('record')) await bench.decode();
  if (wanted('rollout')) await bench.rollout();
  if (['forward', 'training_pass', 'training_pass_recompute', 'record'].some(wanted)) await bench.training();
  if (wanted('step')) await bench.step();
}

class EndToEndBench {
  readonly #o: EndToEnd;
  readonly #rows: Rows;
  readonly #profile: ProfileRun | undefined;
  readonly #emit: (row: Row) => void;
  readonly #prompts: readonly Prompt[];

  constructor(setup: EndToEnd, rows: Rows, profile: ProfileRun | undefined, emit: (row: Row) => void) {
    this.#o = setup;
    this.#rows = rows;
    this.#profile = profile;
    this.#emit = emit;
    this.#prompts = setup.problems.slice(0, Math.max(PREFILL_PROMPTS, setup.config.num_prompts)).map(setup.encode);
  }

  /** Prompts to their first token. */
  async prefill(): Promise<void> {
    const prompts = this.#prompts.slice(0, PREFILL_PROMPTS);
    const requests = requestsFor(prompts, 1, (prompt) => [
      { sampling: { temperature: 1 }, key: { step: 0, prompt, completion: 0 } },
    ]);
    const tokens = prompts.reduce((sum, prompt) => sum + prompt.ids.length, 0);
    const pairs = prompts.reduce((sum, { ids }) => sum + (ids.length * (ids.length + 1)) / 2, 0);
    const run = () => this.#generate(requests);
    const [time] = (await interleaved([repeated(run)])) as [Timing];
    const dispatches = await this.#dispatches(run);
    const work = dispatches && { dispatches, attentionShare: pairs / (tokens ** 2 / 2) };
    this.#row('prefill', `${prompts.length} prompts, ${tokens} tokens`, time, tokens, work);
    await this.#profile?.('prefill', run);
  }

  /** One token for each of many completions that share a prompt: the time from pass to pass. */
  async decode(): Promise<void> {
    const prompt = this.#prompts[0] as Prompt;
    const requests = (maxNewTokens: number) =>
      requestsFor([prompt], maxNewTokens, () =>
        Array.from({ length: DECODE_ROWS }, (_, completion) => ({
          sampling: { temperature: 1 },
          key: { step: 0, prompt: 0, completion },
        })),
      );
    const times: number[] = [];
    let last = 0;
    const onProgress = () => {
      const at = now();
      times.push(at - last);
      last = at;
    };
    const dispatches = await this.#dispatches(() => this.#generate(requests(2)));
    await this.#generate(requests(DECODE_PASSES + 1), { onProgress });
    const keys = prompt.ids.length + 1;
    // Of the two passes the second is the one.
    const first = dispatches?.findIndex((dispatch) => dispatch.name.startsWith('sample')) ?? -1;
    const work = dispatches && {
      dispatches: dispatches.slice(first + 1),
      attentionShare: (DECODE_ROWS * keys) / (DECODE_ROWS ** 2 / 2),
    };
    const shape = `K=${DECODE_ROWS}, ${prompt.ids.length} tokens shared, ${DECODE_PASSES} passes`;
    this.#row('decode', shape, timing(times.slice(1), 'wall'), DECODE_ROWS, work);
    const run = () => this.#generate(requests(DECODE_PASSES + 1));
    await this.#record('decode', shape, run);
    await this.#profile?.('decode', run);
  }

  /** The completions of a training step, to their ends. */
  async rollout(): Promise<void> {
    const { lm, stop } = this.#o;
    const shouldStop = stopCondition(lm, stop);
    const options = { eosIds: lm.eosIds, ...(shouldStop && { shouldStop }) };
    let tokens = 0;
    const run = async () => {
      const completions = await this.#generate(this.#rolloutRequests(), options);
      tokens = completions.flat().reduce((sum, completion) => sum + completion.ids.length, 0);
    };
    const [time] = (await interleaved([repeated(run)])) as [Timing];
    this.#row('rollout', `${this.#group()}, ${tokens} tokens`, time, tokens);
    await this.#profile?.('rollout', run);
  }

  /**
   * The forward pass (log-probabilities of sampled completions, nothing recorded) and the training pass on the same
   * packed tokens, in turns; no completion has advantage zero, and there is no KL penalty.
   */
  async training(): Promise<void> {
    const { lm, config, stop } = this.#o;
    const { model } = lm;
    const { device } = model;
    const { num_hidden_layers: layers, hidden_size: c } = model.config;
    const shouldStop = stopCondition(lm, stop);
    const completions = await this.#generate(this.#rolloutRequests(), {
      eosIds: lm.eosIds,
      ...(shouldStop && { shouldStop }),
    });
    const groups: PolicyGroup[] = completions.map((group, i) => ({
      prompt: (this.#prompts[i] as Prompt).ids,
      completions: group.map((completion) => completion.ids),
      advantages: group.map((_, k) => (k % 2 === 0 ? 1 : -1) * (1 + k / group.length)),
    }));
    const packed = pack(groups);
    const steering = {
      tensor: device.upload(new Float32Array(layers * c).fill(VECTOR), [layers, c], 'f32', 'vectors'),
      scale: 1,
    };
    const grad = device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'gradient');
    const target: SteeringTarget = { grad, layers: new Set(Array.from({ length: layers }, (_, l) => l)) };
    const forward = async () => {
      const tables = uploadPacked(device, pack(groups));
      const tape = new Tape(device);
      const logp = logProbabilities(tape, model, tables, { steering, temperature: 1 });
      await device.read(logp.tensor);
      tape.release(logp);
      tables.free();
    };
    const training = (recompute: 'none' | 'layer') => async () => {
      await policyPass(model, groups, {
        steering,
        target,
        recompute,
        temperature: 1,
        beta: 0,
        lossType: config.loss_type,
        maxCompletionLength: config.max_completion_length,
        maxRows: Math.max(MAX_ROWS, packed.n),
      });
    };
    const passes = { forward, training_pass: training('none'), training_pass_recompute: training('layer') };
    const times = await interleaved(Object.values(passes).map(repeated), PASSES);
    const forwardMs = times[0]?.median as number;
    const shape = `${this.#group()}, ${packed.n} rows, ${packed.targets.length} targets`;
    let pairs = 0;
    for (let i = 0; i < 4 * packed.n; i += 2) pairs += (packed.ranges[i + 1] as number) - (packed.ranges[i] as number);
    const attentionShare = pairs / (packed.n ** 2 / 2);
    for (const [i, [name, run]] of Object.entries(passes).entries()) {
      const time = times[i] as (typeof times)[number];
      const ratio = i === 0 ? {} : { ratio_to_forward: time.median / forwardMs };
      const note = i === 1 ? { note: `the least possible is ${(1 + (layers - 1) / layers).toFixed(2)} x` } : {};
      const dispatches = await this.#dispatches(run);
      const work = dispatches && { dispatches, attentionShare };
      this.#row(name, shape, time, packed.targets.length, work, { ...ratio, ...note });
      if (name === 'training_pass') await this.#record(name, shape, run);
      await this.#profile?.(name, run);
    }
    if (this.#o.onTraining) {
      device.write(grad, new Float32Array(layers * c));
      await passes.training_pass();
      this.#o.onTraining({ groups, vector: VECTOR, gradient: Array.from(await device.read(grad)) });
    }
    for (const tensor of [steering.tensor, grad]) device.arena.free(tensor);
  }

  /** Whole training steps: rollout, rewards, training pass, update, metrics. */
  async step(): Promise<void> {
    const { lm, config, problems, encode, stop } = this.#o;
    const times: number[] = [];
    let tokens = 0;
    const trainer = new Trainer({
      lm,
      config: { ...config, max_steps: STEPS + 1, save_steps: 0 },
      problems,
      encode,
      stop,
      digest: 'benchmark',
      reward: builtinReward('correct', config.answer, 0) as NonNullable<ReturnType<typeof builtinReward>>,
      rewardName: 'correct',
      store: memoryStore(),
      now,
      onStep: (row, samples) => {
        times.push(row.step_time * 1000);
        if (row.step > 0) tokens += samples.reduce((sum, sample) => sum + sample.completion.ids.length, 0);
      },
    });
    try {
      await trainer.run();
    } finally {
      trainer.dispose();
    }
    this.#row('step', this.#group(), timing(times.slice(1), 'wall'), tokens / STEPS);
  }

  /** What the host takes to record one of the rows' work, in its place. */
  async #record(name: string, shape: string, run: () => Promise<unknown>): Promise<void> {
    const { record, usPerDispatch, submitUs, share } = await recorded(this.#o.lm.model.device, run, RECORDED);
    const note = `and ${submitUs.toFixed(1)} us to submit`;
    const figures = { record_us_per_dispatch: usPerDispatch, record_share: share, note };
    this.#emit(this.#rows.timed(this.#id('record', `${name} ${shape}`), record, undefined, figures));
  }

  #generate(requests: readonly GenerationRequest[], options: Partial<GenerateOptions> = {}) {
    return generate(this.#o.lm.model, requests, { seed: 0, eosIds: [], ...options });
  }

  #rolloutRequests(): GenerationRequest[] {
    const { num_prompts, num_generations, max_completion_length } = this.#o.config;
    return requestsFor(this.#prompts.slice(0, num_prompts), max_completion_length, (prompt) =>
      Array.from({ length: num_generations }, (_, completion) => ({
        sampling: { temperature: 1 },
        key: { step: 0, prompt, completion },
      })),
    );
  }

  #group(): string {
    return `${this.#o.config.num_prompts} prompts x ${this.#o.config.num_generations}`;
  }

  #row(name: string, shape: string, time: Timing, tokens: number, work?: Work, extra: Extra = {}): void {
    const figures = {
      tokens_per_second: tokens / (time.median / 1000),
      ...(work && { gpu_ms: milliseconds(work.dispatches) }),
    };
    this.#emit(this.#rows.timed(this.#id(name, shape), time, work && total(work), { ...figures, ...extra }));
  }

  #id(name: string, shape: string) {
    const { lm } = this.#o;
    return {
      name,
      impl: 'trimtab',
      shape: `${lm.name} ${shape}`,
      dtype: lm.model.layers[0]?.qkv_proj.parts[0]?.tensor.dtype ?? 'f32',
    };
  }

  /** Every dispatch of one more run, with its cost and GPU time; undefined where the adapter has no timestamps. */
  async #dispatches(run: () => Promise<unknown>): Promise<TimedDispatch[] | undefined> {
    const { device } = this.#o.lm.model;
    if (!device.caps.timestamp) return undefined;
    await device.sync();
    const profiler = device.startProfiling();
    try {
      await run();
      return await profiler.collect();
    } finally {
      device.stopProfiling();
    }
  }
}

function repeated(run: () => Promise<unknown>) {
  return {
    async batch(times: number) {
      for (let i = 0; i < times; i++) await run();
    },
  };
}

/** What one run dispatched. */
interface Work {
  readonly dispatches: readonly TimedDispatch[];
  /** Attention's declaration takes every row to have n / 2 keys: how much of that the ranges ask for. */
  readonly attentionShare: number;
}

function total({ dispatches, attentionShare }: Work): Cost {
  const share = (dispatch: TimedDispatch) => (dispatch.name.startsWith('attention') ? attentionShare : 1);
  return {
    flops: dispatches.reduce((sum, d) => sum + d.flops * share(d), 0),
    bytes: dispatches.reduce((sum, d) => sum + d.bytes, 0),
  };
}

function milliseconds(dispatches: readonly TimedDispatch[]): number {
  return dispatches.reduce((sum, d) => sum + d.nanoseconds / 1e6, 0);
}
