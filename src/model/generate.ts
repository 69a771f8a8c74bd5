import type { ActivationSink, SteeringTarget, Tape } from '../autograd/tape.ts';
import { UserError } from '../gpu/errors.ts';
import { Batcher } from './batcher.ts';
import type { CacheType } from './kv_cache.ts';
import type { Model } from './model.ts';
import type { Steering } from './steering.ts';
import type { LowerLayers } from './transformer.ts';

export interface Sampling {
  /** 0 takes the likeliest token, ties to the lowest id. */
  readonly temperature: number;
  /** Keep the k likeliest tokens; 0 keeps all. */
  readonly topK?: number;
  /** Keep the smallest set of likeliest tokens whose mass reaches p; 1 keeps all. */
  readonly topP?: number;
}

/** What keys a completion's random numbers besides the seed: they do not depend on the batch or the order of work. */
export interface SampleKey {
  readonly step: number;
  readonly prompt: number;
  readonly completion: number;
}

export interface GenerationRequest {
  readonly prompt: readonly number[];
  readonly maxNewTokens: number;
  /** One entry a completion; all share the prompt's keys and values. */
  readonly completions: readonly { readonly sampling: Sampling; readonly key: SampleKey }[];
}

/** Keeps of every pass what the gradient of its tokens reads. */
export interface RowKeeper {
  /** Of the gradient that is taken later. */
  readonly target: SteeringTarget;
  /** The first of n rows that the next pass of so many is kept in; undefined where they do not fit any more. */
  open(n: number): number | undefined;
  /** Takes a pass of n rows, to where `open` has said last; one that was recorded to the row that it is sent with. */
  sink(n: number): ActivationSink;
  /** Where the model without vectors is to be run on the same tokens: what it shares with the pass, to be kept too. */
  readonly lower?: { readonly layer: number; take(tape: Tape, lower: LowerLayers, n: number): void } | undefined;
}

/** Where a completion's rows are kept. */
export interface KeptRows {
  /** Row of the prompt's first token; the others follow. */
  readonly prompt: number;
  /**
   * Row of each of the completion's tokens but the last, which was never taken in. Completions that begin with the same
   * tokens may have the same rows for them.
   */
  readonly own: number[];
}

export interface Completion {
  /** The sampled ids, a closing end-of-sequence token included. */
  readonly ids: number[];
  /** Log-probability of each id under softmax(logits / temperature). */
  readonly logp: number[];
  /** Entropy in nats of the distribution that each id was drawn from. */
  readonly entropy: number[];
  /** `stop`: an end-of-sequence token or a stop condition; `length`: cut off at the cap. */
  finishReason: 'stop' | 'length';
  /** Where a keeper had room for all of it. */
  kept?: KeptRows | undefined;
}

export interface GenerateOptions {
  readonly seed: number;
  /** Second word of the random key. Default: that of training rollouts. */
  readonly domain?: number;
  readonly eosIds: readonly number[];
  readonly steering?: Steering | undefined;
  /** Called with the ids so far after each token; true ends the completion. */
  readonly shouldStop?: (ids: readonly number[]) => boolean;
  /** Completions in flight at once. Default: `GENERATION_LIMITS`. */
  readonly maxRows?: number;
  /** Prompt rows that one pass may take in besides the completions in flight. */
  readonly maxPromptRows?: number;
  /** Bytes of GPU memory for keys and values. */
  readonly cacheBytes?: number;
  /** Type of keys and values. Default: the model's. */
  readonly kvCacheDtype?: CacheType | undefined;
  readonly keeper?: RowKeeper | undefined;
  /** Passes between two readbacks, at the most; what is sampled does not depend on it. Default: what pays. */
  readonly maxPasses?: number;
  /**
   * Whether completions of a prompt with the same tokens so far are computed as one; what is sampled does not depend on it.
   * Default: true.
   */
  readonly shareRows?: boolean;
  readonly signal?: AbortSignal | undefined;
  /**
   * After every readback: tokens sampled so far, completions finished so far, and the rows of decoding that the tokens were
   * drawn from: fewer than tokens, since the first of each is drawn from its prompt and others share a row.
   */
  readonly onProgress?: (tokens: number, finished: number, rows: number) => void;
  /** Each token as it is read, with what `Completion` says of it. */
  readonly onToken?: (request: number, completion: number, id: number, logp: number, entropy: number) => void;
  /** Each finished completion, once the GPU has been given more to do. */
  readonly onCompletion?: (request: number, completion: number, result: Completion) => void;
}

/** What `generate` keeps to where its options say nothing. */
export const GENERATION_LIMITS = { maxRows: 256, maxPromptRows: 1024, cacheBytes: 2 ** 29 } as const;

/** One of several generations that go on side by side. */
export interface GenerationLane {
  readonly requests: readonly GenerationRequest[];
  readonly options: GenerateOptions;
}

/**
 * Samples every request's completions with continuous batching: each pass takes one row for all completions in flight that
 * have the same tokens, several passes follow each other before their tokens are read, and a finished completion's place goes
 * to the next in line, whose prompt gets a pass of its own. Results do not depend on what shares a pass or a row, nor on when
 * tokens are read.
 *
 * @returns completions by request, in the order of the request's list.
 * @throws UserError when a prompt does not fit the context or the cache; the signal's reason when aborted.
 */
export async function generate(
  model: Model,
  requests: readonly GenerationRequest[],
  options: GenerateOptions,
): Promise<Completion[][]> {
  const [results] = await generateSideBySide(model, [{ requests, options }]);
  return results as Completion[][];
}

/**
 * Several generations at once, each with its own vectors, which a pass has but one set of: they take turns, one readback's
 * passes each, so that all of them grow together. Each gives what `generate` gives for it alone.
 *
 * @returns what `generate` returns, by lane.
 * @throws as `generate` does, for the first lane that it happens to; the others end with it.
 */
export async function generateSideBySide(model: Model, lanes: readonly GenerationLane[]): Promise<Completion[][][]> {
  for (const { options } of lanes) {
    const { seed } = options;
    if (!(Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff))
      throw new UserError(`seed is ${seed}; a whole number from 0 to 4294967295 is expected.`);
  }
  if (model.disposed) throw new UserError('This model has been disposed of: its weights are gone. Load it again.');
  return model.device.arena.guard(async () => {
    const batchers: Batcher[] = [];
    try {
      for (const { requests, options } of lanes)
        batchers.push(new Batcher(model, requests, { ...GENERATION_LIMITS, ...options }));
      while (batchers.some((batcher) => batcher.hasWork)) {
        for (const [lane, batcher] of batchers.entries()) {
          if (!batcher.hasWork) continue;
          lanes[lane]?.options.signal?.throwIfAborted();
          await batcher.step();
        }
      }
    } finally {
      for (const batcher of batchers) batcher.dispose();
      for (const batcher of batchers) batcher.tell();
    }
    return batchers.map((batcher) => batcher.results);
  });
}
