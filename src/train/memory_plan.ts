import { UserError } from '../gpu/errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { HEAD_TILE } from '../model/log_probabilities.ts';
import { contextLength } from '../model/model.ts';
import type { TrainConfig } from './config.ts';

/** What a run takes of the GPU's memory, in bytes, before anything is uploaded. */
export interface MemoryPlan {
  readonly weights: number;
  /** Vectors, gradient and AdamW's two moments, [L, C] each. */
  readonly optimizer: number;
  /** Keys and values of the rollouts. */
  readonly cache: number;
  /** Completions that the rollouts have in flight at once. */
  readonly inFlight: number;
  /** Activations and logits of one pass of generation. */
  readonly generation: number;
  /** Packed tokens of one micro-batch of the training pass. */
  readonly rows: number;
  /** What a micro-batch keeps until its backward pass, by `recompute`. */
  readonly activations: { readonly none: number; readonly layer: number };
  /** Gradients and the tile of logits, besides. */
  readonly workspace: number;
  /** Rollout and training pass take turns: the larger of the two, in whole buffers, and what stays. */
  readonly total: number;
}

/** A model as far as its memory goes: known from the headers of its files. */
export interface ModelSize {
  readonly config: ModelConfig;
  readonly weightBytes: number;
}

/** Micro-batches are cut at this many rows: larger ones compute no faster. */
const MAX_ROWS = 4096;
/** Without a budget activations may take this much: WebGPU does not tell what is free. */
const DEFAULT_ACTIVATIONS = 2 ** 30;
const DEFAULT_CACHE = 2 ** 29;
/** `generate`'s own limits: completions in flight, and prompt rows taken in by one pass. */
const IN_FLIGHT = 256;
const PROMPT_ROWS = 1024;
/** Buffers come in size classes: at most so much more than what is asked for. */
const CLASSES = 1.25;
const MIB = 2 ** 20;

/**
 * Fits a run into the memory budget: the micro-batch shrinks until it fits, down to the longest sequence.
 *
 * @param longestPrompt in tokens
 * @param maxBinding bytes that the adapter binds at once: no tensor of a micro-batch may be larger
 * @throws UserError with the bytes needed and the ways out where even that is too much
 */
export function planMemory(
  model: ModelSize,
  train: TrainConfig,
  longestPrompt: number,
  maxBinding = Number.POSITIVE_INFINITY,
): MemoryPlan {
  const { config } = model;
  const { hidden_size: c, intermediate_size: f, num_hidden_layers: layers } = config;
  const q = config.num_attention_heads * config.head_dim;
  const kv = 2 * config.num_key_value_heads * config.head_dim;
  const { completions: k, length } = sequences(train);
  const completion = Math.min(length, contextLength(config) - longestPrompt);
  const sequence = longestPrompt + completion;
  const { num_prompts: prompts } = train;
  const optimizer = 16 * layers * c;

  const inFlight = Math.min(IN_FLIGHT, prompts * k);
  const rowBytes = 4 * layers * kv;
  const leastCache = rowBytes * sequence;
  const wantedCache = Math.max(
    leastCache,
    Math.min(rowBytes * (prompts * longestPrompt + inFlight * completion), DEFAULT_CACHE),
  );
  const passRows = Math.max(longestPrompt, Math.min(PROMPT_ROWS, prompts * longestPrompt)) + inFlight;
  const generation = 4 * (passRows * (3 * c + q + kv + 3 * f) + inFlight * config.vocab_size);

  // resid, resid_mid, qkv (and what its norm was given), attended, lse, gate_up and two rstd: what the rules read.
  const qkv = (config.qk_norm ? 2 : 1) * (q + kv);
  const layerRow = 4 * (2 * c + qkv + q + config.num_attention_heads + 2 * f + 2);
  const perRow = { none: layers * layerRow, layer: layers * 4 * c + layerRow };
  const tile = Math.min(HEAD_TILE, config.vocab_size);
  const workRow = 4 * Math.max(3 * f + 4 * c, tile + 4 * c);
  const eachRow = perRow[train.recompute] + workRow;

  const wantedRows = Math.min(MAX_ROWS, prompts * (longestPrompt + k * completion));
  const bindable = Math.floor(maxBinding / (4 * Math.max(2 * f, q + kv, tile, c)));
  const room =
    train.memory_budget === undefined ? Number.POSITIVE_INFINITY : train.memory_budget - model.weightBytes - optimizer;
  const cache = Math.min(wantedCache, Math.max(leastCache, room / CLASSES - generation));
  const forActivations = Math.min(DEFAULT_ACTIVATIONS, Math.max(0, room));
  const rows = Math.max(
    sequence,
    Math.min(
      wantedRows,
      bindable,
      train.max_tokens_per_microbatch ?? wantedRows,
      Math.floor(forActivations / (CLASSES * eachRow)),
    ),
  );
  const plan: MemoryPlan = {
    weights: model.weightBytes,
    optimizer,
    cache,
    inFlight,
    generation,
    rows,
    activations: { none: rows * perRow.none, layer: rows * perRow.layer },
    workspace: rows * workRow,
    total: model.weightBytes + optimizer + CLASSES * Math.max(cache + generation, rows * eachRow),
  };
  if (train.memory_budget !== undefined && plan.total > train.memory_budget) refuse(plan, train, sequence);
  return plan;
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
  const rollout = CLASSES * (cache + generation);
  const pass = CLASSES * (activations[train.recompute] + workspace);
  const ways = [
    ...(weights > total / 2 && train.dtype === 'auto'
      ? ['set dtype to f16 (where the file holds f32 or quantised weights)']
      : []),
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

function size(bytes: number): string {
  const value = bytes / MIB;
  if (value < 0.1) return `${Math.ceil(bytes / 2 ** 10)} KiB`;
  return `${value < 10 ? value.toFixed(1) : Math.ceil(value)} MiB`;
}
