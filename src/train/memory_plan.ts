import { UserError } from '../gpu/errors.ts';
import type { RehearsedDevice } from '../gpu/rehearsal.ts';
import type { ModelConfig } from '../model/config.ts';
import { GENERATION_LIMITS } from '../model/generate.ts';
import { contextLength } from '../model/model.ts';
import { type Group, packedRows } from '../model/packing.ts';
import { cacheRowBytes, completionsInCache, logitRowsPerBinding } from '../model/row_capacity.ts';
import type { TrainConfig } from './config.ts';
import { trainedLayers } from './layers.ts';
import { microBatches, part } from './micro_batch.ts';
import { clipsRatio } from './ratio.ts';
import { Rehearsal, type RehearsedPass, type RolloutOptions } from './rehearsal.ts';

/** What a run takes of the GPU's memory, in bytes, before anything is uploaded. */
export interface MemoryPlan {
  readonly weights: number;
  /** Vectors, gradient and AdamW's two moments, [L, C] each. */
  readonly optimizer: number;
  /** Keys and values of the rollouts. */
  readonly cache: number;
  /** Completions that the rollouts have in flight at once. */
  readonly inFlight: number;
  /** Activations and logits of the passes of generation, and what the buffers of keys and values have too many. */
  readonly generation: number;
  /** Packed tokens of one micro-batch of the training pass. */
  readonly rows: number;
  /** `recompute` of the configuration, or what `auto` came to. */
  readonly recompute: 'none' | 'layer';
  /** Activations of the rollout that are kept for the gradient: tokens at the most, and bytes. 0 where none are. */
  readonly kept: { readonly rows: number; readonly bytes: number };
  /** What a micro-batch takes more for its backward pass, by `recompute`. */
  readonly activations: { readonly none: number; readonly layer: number };
  /** What it takes without a gradient: a layer's values, the tile of logits. */
  readonly workspace: number;
  /**
   * What stays, what is kept between rollout and training pass, and what these take: both together, because they keep their
   * buffers from step to step, and with a memory budget the larger of the two, because they take turns.
   */
  readonly total: number;
}

/** A model as far as its memory goes: known from the headers of its files. */
interface ModelSize {
  readonly config: ModelConfig;
  readonly weightBytes: number;
}

/** Micro-batches are cut at this many rows: larger ones compute no faster. */
const MAX_ROWS = 4096;
/** Without a budget activations may take this much: WebGPU does not tell what is free. */
const DEFAULT_ACTIVATIONS = 2 ** 30;
/** Kept rows whose bytes are found by a rehearsal. */
const SOME_ROWS = 64;
const MIB = 2 ** 20;

/**
 * Fits a run into the memory budget: the micro-batch shrinks until it fits, down to the longest sequence. The bytes are those of
 * buffers that the engine's own code asks for when it is run with the longest sequences, on a device that computes nothing.
 *
 * @param longestPrompt in tokens
 * @param device the one that the run is for: what it binds at once bounds every tensor of a micro-batch
 * @throws UserError with the bytes needed and the ways out where even that is too much, or more than one binding
 */
export function planMemory(
  model: ModelSize,
  train: TrainConfig,
  longestPrompt: number,
  device: RehearsedDevice = {},
): MemoryPlan {
  const { config } = model;
  const { hidden_size: c, num_hidden_layers: count } = config;
  const { completions: k, length, sampled } = sequences(train);
  const completion = Math.max(1, Math.min(length, contextLength(config) - longestPrompt));
  const maxBinding = device.caps?.maxBinding ?? Number.POSITIVE_INFINITY;
  const rehearsal = new Rehearsal(config, trainedLayers(train.layers, count), train.kv_cache_dtype, device);
  const optimizer = rehearsal.tensors(Array.from({ length: 4 }, () => [count, c]));
  const run: Run = {
    config,
    train,
    k,
    sampled,
    prompt: longestPrompt,
    completion,
    sequence: longestPrompt + completion,
    maxBinding,
    room: (train.memory_budget ?? Number.POSITIVE_INFINITY) - model.weightBytes - optimizer,
    rehearsal,
  };
  const rollout = rolloutPlan(run);
  const batch = microBatchPlan(run, rollout);
  const { kept, work } = keptPlan(run, rollout, batch);
  const pass = (recompute: RehearsedPass['recompute']) => rehearsal.pass(batch.options(recompute));
  const workspace = pass('score');
  const plan: MemoryPlan = {
    weights: model.weightBytes,
    optimizer,
    cache: rollout.cache,
    inFlight: rollout.inFlight,
    generation: rollout.bytes - rollout.cache,
    rows: batch.rows,
    recompute: batch.recompute,
    kept,
    activations: { none: pass('none') - workspace, layer: pass('layer') - workspace },
    workspace,
    total: model.weightBytes + optimizer + kept.bytes + work,
  };
  if (train.memory_budget !== undefined && plan.total > train.memory_budget) refuse(plan, train, run.sequence);
  return plan;
}

/** What the parts of a plan are made from: sizes are those of the longest sequences, in tokens. */
interface Run {
  readonly config: ModelConfig;
  readonly train: TrainConfig;
  /** Completions of a prompt. */
  readonly k: number;
  /** Whether the model samples them. */
  readonly sampled: boolean;
  readonly prompt: number;
  readonly completion: number;
  /** Both. */
  readonly sequence: number;
  readonly maxBinding: number;
  /** Bytes that weights and optimiser leave. */
  readonly room: number;
  readonly rehearsal: Rehearsal;
}

interface RolloutPlan {
  readonly inFlight: number;
  /** Bytes of keys and values. */
  readonly cache: number;
  /** All bytes, the cache's with them, where nothing is kept. */
  readonly bytes: number;
  /** For a rehearsal of it. */
  options(keeps: boolean): RolloutOptions;
}

/** The cache is as large as it is of use, and as there is room. */
function rolloutPlan(run: Run): RolloutPlan {
  const { config, train, k, prompt, completion, sequence, rehearsal } = run;
  const { num_prompts: prompts } = train;
  const inFlight = Math.min(GENERATION_LIMITS.maxRows, prompts * k, logitRowsPerBinding(config, run.maxBinding));
  const options = (cacheRows: number, keeps: boolean): RolloutOptions => ({
    keeps,
    prompts,
    prompt,
    completions: k,
    cacheRows,
    // A cache that is too small for all of them holds fewer at once.
    inFlight: Math.max(1, Math.min(inFlight, completionsInCache(cacheRows, completion, prompt, k))),
    promptRows: GENERATION_LIMITS.maxPromptRows,
  });
  const bytes = (cacheRows: number) => rehearsal.rollout(options(cacheRows, false));
  const rowBytes = cacheRowBytes(config, train.kv_cache_dtype);
  const wanted = Math.min(
    prompts * prompt + inFlight * completion,
    Math.max(sequence, Math.floor(GENERATION_LIMITS.cacheBytes / rowBytes)),
  );
  const cacheRows = largest(sequence, wanted, (rows) => bytes(rows) <= run.room);
  return {
    inFlight,
    cache: cacheRows * rowBytes,
    bytes: bytes(cacheRows),
    options: (keeps) => options(cacheRows, keeps),
  };
}

interface MicroBatchPlan {
  readonly rows: number;
  readonly recompute: 'none' | 'layer';
  /** For a rehearsal of a pass over the largest micro-batch. */
  options(recompute: RehearsedPass['recompute']): RehearsedPass;
}

/** @throws UserError where a sequence, or a rollout, needs more than one binding */
function microBatchPlan(run: Run, rollout: RolloutPlan): MicroBatchPlan {
  const { train, k, prompt, completion, sequence, room, rehearsal } = run;
  const { num_prompts: prompts } = train;
  // Completions that share nothing take the most.
  const ids = (n: number, token: number) => new Array<number>(n).fill(token);
  const completions = Array.from({ length: k }, (_, i) => ids(completion, i));
  const group = { prompt: ids(prompt, 0), completions };
  const step = new Array<Group>(prompts).fill(group);
  const rowsOf = (groups: readonly Group[]) => groups.reduce((sum, group) => sum + packedRows(group), 0);
  /** The largest micro-batch, every sequence as long as they come. */
  const groups = (most: number) =>
    microBatches(step, most)
      .map((batch) => batch.map((entry) => part(step, entry)))
      .reduce((a, b) => (rowsOf(b) > rowsOf(a) ? b : a));
  const options = (rows: number, recompute: RehearsedPass['recompute']): RehearsedPass => ({
    groups: groups(rows),
    recompute,
    reference: hasReference(train),
    ratio: clipsRatio(train) ? train.importance_sampling_level : undefined,
  });
  const pass = (rows: number, recompute: RehearsedPass['recompute']) => rehearsal.pass(options(rows, recompute));
  const limit = Math.min(MAX_ROWS, train.max_tokens_per_microbatch ?? MAX_ROWS);
  const wanted = Math.min(limit, prompts * (prompt + k * completion));
  const fits = (recompute: 'none' | 'layer') => {
    const least = pass(sequence, recompute);
    if (!Number.isFinite(least) || !Number.isFinite(rollout.bytes)) throw rehearsal.refusal;
    const forPass = Math.min(room, Math.max(DEFAULT_ACTIVATIONS, least));
    const most = largest(sequence, Math.max(sequence, wanted), (n) => pass(n, recompute) <= forPass);
    // Shorter sequences fill a micro-batch to its last row.
    return {
      rows: Math.max(sequence, rowsOf(groups(most))),
      whole: least <= room && most >= Math.min(wanted, packedRows(group)),
    };
  };
  const none = train.recompute === 'layer' ? undefined : fits('none');
  // A group that is cut computes its prompt again, and so would ever smaller parts; computing layers again costs a forward pass.
  const recompute = none && (train.recompute === 'none' || none.whole) ? 'none' : 'layer';
  const { rows } = recompute === 'none' && none ? none : fits('layer');
  return { rows, recompute, options: (recompute) => options(rows, recompute) };
}

/** What is kept of rollouts for the gradient, and the bytes that rollouts and training passes take beside it. */
function keptPlan(run: Run, rollout: RolloutPlan, batch: MicroBatchPlan): { kept: MemoryPlan['kept']; work: number } {
  const { config, train, k, prompt, completion, sequence, rehearsal } = run;
  const { num_prompts: prompts } = train;
  const together = (recompute: RehearsedPass['recompute']) => {
    const [sampling, pass] = [rollout.options(recompute === 'kept'), batch.options(recompute)];
    if (!run.sampled) return rehearsal.pass(pass);
    if (train.memory_budget !== undefined) return Math.max(rehearsal.rollout(sampling), rehearsal.pass(pass));
    return rehearsal.both(sampling, pass);
  };
  const computed = together(batch.recompute);
  const nothing = { kept: { rows: 0, bytes: 0 }, work: computed };
  if (train.method !== 'rl' || train.reuse_activations !== 'auto') return nothing;
  const { hidden_size: c, head_dim, num_attention_heads, num_key_value_heads, intermediate_size } = config;
  const widest = Math.max(c, 2 * intermediate_size, (num_attention_heads + 2 * num_key_value_heads) * head_dim);
  const wanted = prompts * (prompt + k * (completion - 1)) * (train.dynamic_sampling ? 1 + train.max_resamples : 1);
  const keptAs = { reference: hasReference(train), dtype: train.activation_dtype };
  const perRow = rehearsal.kept(SOME_ROWS, keptAs) / SOME_ROWS;
  const keeping = together('kept');
  const spare = train.memory_budget === undefined ? DEFAULT_ACTIVATIONS : run.room - Math.max(keeping, computed);
  const rows = Math.min(wanted, Math.floor(spare / perRow), Math.floor(run.maxBinding / (4 * widest)));
  if (rows < sequence) return nothing;
  // Where a prompt may be taken in more than once, or not all fits, some completions are computed again; by further updates all are.
  const covers = rows >= wanted && prompts * k <= rollout.inFlight && train.num_iterations === 1;
  const kept = { rows, bytes: rehearsal.kept(rows, keptAs) };
  return { kept, work: covers ? keeping : Math.max(keeping, computed) };
}

/** Whether the model without vectors is run in training. */
function hasReference({ beta, method }: TrainConfig): boolean {
  return beta > 0 || method === 'dpo';
}

/** The largest number from `low` to `high` that fits, where all below one that fits do; `low` where none does. */
function largest(low: number, high: number, fits: (n: number) => boolean): number {
  if (high <= low || fits(high)) return Math.max(low, high);
  let [good, bad] = [low, high];
  while (bad - good > Math.max(1, good / 64)) {
    const middle = Math.floor((good + bad) / 2);
    if (fits(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** Completions of a prompt in a step, tokens of the longest, and whether the model samples them. */
export function sequences({ method, num_generations, max_completion_length, prefix_length }: TrainConfig) {
  const length = max_completion_length;
  if (method === 'sft') return { completions: 1, length, sampled: false };
  if (method === 'dpo') return { completions: 2, length, sampled: false };
  if (method === 'upft') {
    return { completions: num_generations, length: Math.min(prefix_length, length), sampled: true };
  }
  return { completions: num_generations, length, sampled: true };
}

function refuse(plan: MemoryPlan, train: TrainConfig, sequence: number): never {
  const { weights, optimizer, cache, generation, activations, workspace, total } = plan;
  const rollout = cache + generation;
  const pass = activations[plan.recompute] + workspace;
  const ways = [
    ...(weights > total / 2 && train.dtype === 'auto' ? ['set dtype to f16 (where the file holds f32 weights)'] : []),
    ...(pass >= rollout && train.recompute === 'none' ? ['set recompute to layer'] : []),
    ...(rollout > pass && plan.generation > cache ? ['lower num_prompts or num_generations'] : []),
    'lower max_completion_length or shorten the prompts',
  ];
  throw new UserError(
    `This run needs ${size(total)} of GPU memory, and the memory budget is ${size(train.memory_budget as number)}: weights ${size(weights)}, ` +
      `vectors and optimiser ${size(optimizer)}, then in turn rollouts ${size(rollout)} and a training pass over one sequence of ` +
      `${sequence} tokens ${size(pass)}. Raise memory_budget (--memory-budget), or: ${ways.join('; ')}.`,
  );
}

/** Rounded up, so that what does not fit never reads as if it did. */
function size(bytes: number): string {
  const value = bytes / MIB;
  if (value < 0.1) return `${Math.ceil(bytes / 2 ** 10)} KiB`;
  return `${value < 10 ? value.toFixed(1) : Math.ceil(value)} MiB`;
}
