import { type SteeringTarget, Tape } from '../autograd/tape.ts';
import { GENERATION_LIMITS, generate } from '../model/generate.ts';
import type { Model } from '../model/model.ts';
import { type Packed, pack, uploadPacked } from '../model/packing.ts';
import { cacheRowBytes, completionsInCache, logitRowsPerBinding } from '../model/row_capacity.ts';
import type { Steering } from '../model/steering.ts';
import { forwardKept } from '../model/transformer.ts';
import { ActivationStore } from './activation_store.ts';
import type { TrainConfig } from './config.ts';
import { trainedLayers } from './layers.ts';
import type { MemoryPlan } from './memory_plan.ts';
import { passOver } from './pass.ts';

/** A pass that was measured: it takes `fixed + per_row · rows` seconds, by a line through its two largest sizes. */
export interface Timing {
  /** Rows of the largest pass that was measured. */
  readonly rows: number;
  /** Rows of such a pass in the run: more than `rows` where that would have taken too long to measure. */
  readonly rows_in_run: number;
  /** Of the largest, the quickest of its repetitions. */
  readonly seconds: number;
  /** The slowest over the quickest, less 1: how far the repetitions lie apart. */
  readonly spread: number;
  readonly fixed: number;
  readonly per_row: number;
}

export interface Calibration {
  /** Prompt tokens taken in by one pass. */
  readonly prefill: Timing;
  /** One token more for each completion in flight, at `context` tokens of cached keys. */
  readonly decode: Timing & { readonly context: number };
  /** Forward and backward over one micro-batch, and the reference's forward where `beta` asks for it. */
  readonly training: Timing;
  /** All of the calibration. */
  readonly seconds: number;
}

interface CalibrateOptions {
  /** Mean prompt, in tokens. */
  readonly promptLength: number;
  /** Milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  /** Called with what is measured next. */
  readonly onPart?: (part: 'prefill' | 'decode' | 'training') => void;
}

/** A pass is enlarged towards its size in the run while the larger one should stay below this, in seconds. */
const LONGEST_S = 2;
const GROWTH = 4;
const REPETITIONS = 2;
/** Rows that the first, smallest pass has: few enough for a large model on a CPU. */
const FIRST_ROWS = 8;

/** Completions that a rollout has in flight: the plan's, as far as logits fit one binding and keys the cache. */
export function completionsInFlight(model: Model, config: TrainConfig, plan: MemoryPlan, promptLength: number): number {
  const length = Math.min(config.max_completion_length, model.maxPositions - promptLength);
  const logits = logitRowsPerBinding(model.config, model.device.caps.maxBinding);
  const cached = completionsInCache(cacheRows(model, plan), length, promptLength, config.num_generations);
  return Math.max(1, Math.min(plan.inFlight, logits, cached));
}

function cacheRows(model: Model, plan: MemoryPlan): number {
  return Math.floor(plan.cache / cacheRowBytes(model.config, model.kvCacheDtype));
}

/**
 * Times the three kinds of pass that a run consists of, each on tokens that mean nothing and, as far as that takes no longer than
 * about two seconds, at the run's own size. Kernels are compiled by a pass that is not counted.
 *
 * @throws the signal's reason when aborted
 */
export async function calibrate(
  model: Model,
  config: TrainConfig,
  plan: MemoryPlan,
  options: CalibrateOptions,
): Promise<Calibration> {
  const { now, signal, onPart } = options;
  const begun = now();
  const promptLength = Math.max(1, Math.round(options.promptLength));
  const room = model.maxPositions - promptLength;
  const half = Math.max(2, Math.ceil(Math.min(config.max_completion_length, room) / 2));
  const { device } = model;
  const { num_hidden_layers: layers, hidden_size: c } = model.config;
  const zeros = () => new Float32Array(layers * c);
  const steering: Steering = { tensor: device.upload(zeros(), [layers, c], 'f32', 'steering'), scale: 1 };
  const target = {
    grad: device.upload(zeros(), [layers, c], 'f32', 'grad.steering'),
    layers: trainedLayers(config.layers, layers),
  };
  /** Seconds of each pass of a generation: the first takes the prompts in, the others decode. */
  const passTimes = (shape: GenerationShape) => generationTimes(model, steering, plan, shape, now);
  try {
    onPart?.('prefill');
    const promptRows = Math.min(
      GENERATION_LIMITS.maxPromptRows,
      config.num_prompts * promptLength,
      cacheRows(model, plan) - config.num_prompts,
    );
    const prefill = await measure(Math.max(1, promptRows), signal, async (rows) => {
      const length = Math.min(rows, promptLength);
      const prompts = Math.floor(rows / length);
      const first = async () => (await passTimes({ prompts, length, completions: 1, tokens: 1 }))[0] as number;
      return repeat(first, rows / (prompts * length));
    });

    onPart?.('decode');
    const inFlight = completionsInFlight(model, config, plan, promptLength);
    // As many cached keys as in the middle of a completion, where it is known that taking them in is short.
    const context = Math.max(
      1,
      Math.min(promptLength + half, model.maxPositions - 4, Math.max(prefill.rows, FIRST_ROWS)),
    );
    const decode = await measure(inFlight, signal, async (completions) => {
      // First the prompt's pass with one that compiles what decoding needs, then those that count.
      const passes = await passTimes({ prompts: 1, length: context, completions, tokens: 2 + REPETITIONS });
      return passes.slice(1);
    });

    onPart?.('training');
    const training = await measure(plan.rows, signal, async (rows) => {
      const packed = pack([groupOf(model, rows, promptLength, half)]);
      return repeat(() => trainingPass(model, steering, target, config, plan, packed, now), rows / packed.n);
    });
    return { prefill, decode: { ...decode, context }, training, seconds: (now() - begun) / 1000 };
  } finally {
    device.arena.free(steering.tensor);
    device.arena.free(target.grad);
  }
}

/** Enlarges a pass towards `wanted` rows, twice at least. `run` gives the seconds of its repetitions. */
async function measure(
  wanted: number,
  signal: AbortSignal | undefined,
  run: (rows: number) => Promise<number[]>,
): Promise<Timing> {
  let smaller: Size | undefined;
  for (let rows = Math.min(wanted, FIRST_ROWS); ; ) {
    signal?.throwIfAborted();
    const times = await run(rows);
    // A clock may not have moved.
    const seconds = Math.max(1e-6, Math.min(...times));
    const line = lineThrough(smaller, { rows, seconds });
    const next = Math.min(wanted, rows * GROWTH);
    if (rows >= wanted || (smaller && line.fixed + line.per_row * next > LONGEST_S))
      return { rows, rows_in_run: wanted, seconds, spread: Math.max(...times) / seconds - 1, ...line };
    smaller = { rows, seconds };
    rows = next;
  }
}

interface Size {
  readonly rows: number;
  readonly seconds: number;
}

/**
 * The line through two sizes and exactly through the larger: reading the weights costs the same for one row and for many. Noise must
 * not make it fall or start below zero: a row costs from a tenth of its share of the larger pass to all of it.
 */
export function lineThrough(smaller: Size | undefined, larger: Size): Pick<Timing, 'fixed' | 'per_row'> {
  if (!smaller) return { fixed: larger.seconds, per_row: 0 };
  const share = larger.seconds / larger.rows;
  const slope = (larger.seconds - smaller.seconds) / (larger.rows - smaller.rows);
  const per_row = Math.min(share, Math.max(share / 10, slope));
  return { fixed: larger.seconds - per_row * larger.rows, per_row };
}

/** Runs a pass once to compile what it needs, then counts, once where it is long; each time is multiplied by `factor`. */
async function repeat(pass: () => Promise<number>, factor: number): Promise<number[]> {
  await pass();
  const times: number[] = [];
  for (let spent = 0; times.length < REPETITIONS && spent < LONGEST_S; spent += times.at(-1) as number)
    times.push(factor * (await pass()));
  return times;
}

interface GenerationShape {
  readonly prompts: number;
  readonly length: number;
  readonly completions: number;
  readonly tokens: number;
}

async function generationTimes(
  model: Model,
  steering: Steering,
  plan: MemoryPlan,
  shape: GenerationShape,
  now: () => number,
): Promise<number[]> {
  const prompt = tokens(model, shape.length);
  const requests = Array.from({ length: shape.prompts }, (_, p) => ({
    prompt,
    maxNewTokens: shape.tokens,
    completions: Array.from({ length: shape.completions }, (_, completion) => ({
      sampling: { temperature: 1 },
      key: { step: 0, prompt: p, completion },
    })),
  }));
  const stamps = [now()];
  await generate(model, requests, {
    seed: 0,
    eosIds: [],
    steering,
    maxRows: shape.prompts * shape.completions,
    maxPromptRows: shape.prompts * shape.length,
    cacheBytes: plan.cache,
    maxPasses: 1,
    // The tokens mean nothing, and so does how many of them would be the same.
    shareRows: false,
    onProgress: () => stamps.push(now()),
  });
  return stamps.slice(1).map((stamp, i) => (stamp - (stamps[i] as number)) / 1000);
}

/** A prompt with completions that fill `rows` rows, as a micro-batch of the run does. */
function groupOf(model: Model, rows: number, promptLength: number, length: number) {
  const prompt = Math.min(promptLength, Math.ceil(rows / 2));
  const own = Math.min(length - 1, Math.max(1, rows - prompt));
  const completions = Math.max(1, Math.floor((rows - prompt) / own));
  return {
    prompt: tokens(model, prompt),
    completions: Array.from({ length: completions }, (_, i) => tokens(model, own + 1, i)),
  };
}

/** Seconds of one micro-batch: forward, backward, and the reference's forward with a KL penalty. */
async function trainingPass(
  model: Model,
  steering: Steering,
  target: SteeringTarget,
  config: TrainConfig,
  plan: MemoryPlan,
  packed: Packed,
  now: () => number,
): Promise<number> {
  const { device } = model;
  return device.arena.guard(async () => {
    const tables = uploadPacked(device, packed);
    const keeps = plan.kept.rows >= plan.rows;
    const keptAs = { reference: config.beta > 0, dtype: config.activation_dtype };
    const store = keeps ? new ActivationStore(device, target, packed.n, keptAs) : undefined;
    if (store) {
      const rollout = new Tape(device, target);
      store.open(packed.n);
      rollout.release(forwardKept(rollout, model, tables, store, { steering }));
      await device.sync();
    }
    const begun = now();
    const kept = store?.source(Array.from({ length: packed.n }, (_, i) => i));
    const pass = passOver(model, tables, {
      target,
      steering,
      temperature: config.temperature,
      recompute: plan.recompute,
      reference: config.beta > 0,
      lowest: Math.min(...target.layers),
      kept,
    });
    const pairs = packed.targets.length;
    const coef = device.upload(new Float32Array(pairs).fill(1 / pairs), [pairs], 'f32', 'd logp');
    pass.tape.backward(pass.logp, { tensor: coef, references: 1 });
    await device.readBytes([pass.logp.tensor, target.grad]);
    const seconds = (now() - begun) / 1000;
    pass.tape.release(pass.logp, pass.reference);
    kept?.dispose();
    store?.dispose();
    tables.free();
    return seconds;
  });
}

/** Tokens that differ from each other, as those of a text do, and from those of another `text`. */
function tokens(model: Model, length: number, text = 0): number[] {
  return Array.from({ length }, (_, i) => (7 + 31 * i + text) % model.config.vocab_size);
}
