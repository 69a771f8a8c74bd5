import { now } from '#platform';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { DOMAIN } from '../gpu/philox.ts';
import { Decoder, type Prefill } from './decoder.ts';
import type { Completion, GENERATION_LIMITS, GenerateOptions, GenerationRequest } from './generate.ts';
import { KVCache } from './kv_cache.ts';
import type { Model } from './model.ts';
import { ReadbackSchedule } from './readback_schedule.ts';
import { capsOf } from './requests.ts';
import { cacheRowBytes, logitRowsPerBinding } from './row_capacity.ts';
import type { Prefix, Results, Slot } from './slots.ts';

interface Active extends Slot {
  readonly request: number;
  readonly index: number;
  readonly result: Completion;
  finished: boolean;
  /** The same number for those of one class, which have the same prompt and the same tokens. */
  classKey: number;
}

type LimitedOptions = GenerateOptions & Readonly<Record<keyof typeof GENERATION_LIMITS, number>>;

/** Rows of a pass come so many at a time: products compute whole tiles of rows anyway, and a pass is recorded anew for each number. */
const ROW_STEP = { software: 4, gpu: 16 };

/** Continuous batching for `generate`: what is in flight, what waits, and the cache that both share. */
export class Batcher {
  readonly results: Completion[][];
  readonly #model: Model;
  readonly #device: Device;
  readonly #requests: readonly GenerationRequest[];
  readonly #caps: readonly number[];
  readonly #options: LimitedOptions;
  readonly #eos: ReadonlySet<number>;
  readonly #cache: KVCache;
  readonly #decoder: Decoder;
  readonly #schedule: ReadbackSchedule;
  readonly #waiting: { request: number; index: number }[];
  /** Completions that are not finished, by request; while there are any, the cache keeps its prompt. */
  readonly #unfinished: number[];
  readonly #prefixes = new Map<number, Prefix>();
  /** By request the row in which its prompt's first token is kept. */
  readonly #keptPrompts: (number | undefined)[] = [];
  /** What the decoder's slots are; finished ones stay until it pays to give them up. */
  #slots: Active[] = [];
  /** Whether the GPU takes a slot to go on that has finished. */
  #outdated = false;
  /** Finished completions that nobody was told of yet. */
  #toTell: Active[] = [];
  #tokens = 0;
  #finished = 0;
  /** Rows of decoding passes that tokens were drawn from. */
  #rows = 0;

  constructor(model: Model, requests: readonly GenerationRequest[], options: LimitedOptions) {
    this.#model = model;
    this.#device = model.device;
    this.#requests = requests;
    this.#caps = capsOf(model, requests);
    this.#options = options;
    this.#eos = new Set(options.eosIds);
    this.results = requests.map((request) =>
      request.completions.map(() => ({ ids: [], logp: [], entropy: [], finishReason: 'length' as const })),
    );
    this.#unfinished = requests.map((request) => request.completions.length);
    this.#waiting = requests.flatMap((r, request) => r.completions.map((_, index) => ({ request, index }))).reverse();
    this.#cache = new KVCache(model, this.#cacheRows(), options.kvCacheDtype);
    this.#decoder = new Decoder(model, this.#cache, {
      slots: Math.max(1, Math.min(this.#maxRows(), this.#waiting.length)),
      steering: options.steering,
      stopIds: options.eosIds,
      key: [options.seed >>> 0, options.domain ?? DOMAIN.SAMPLE],
      keeper: options.keeper,
    });
    this.#schedule = new ReadbackSchedule(model.device.caps.isSoftware, options.maxPasses);
  }

  get #shares(): boolean {
    return this.#options.shareRows !== false;
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0 || this.#slots.some((slot) => !slot.finished);
  }

  dispose(): void {
    this.#decoder.dispose();
    this.#cache.dispose();
  }

  /** Takes in what there is room for, then some passes: the next tokens of everything in flight. */
  async step(): Promise<void> {
    const begun = now();
    const active = this.#slots.filter((slot) => !slot.finished);
    const admitted = this.#admit(active.length);
    const fresh = admitted.flatMap((group) => group.slots);
    const completions = active.length + fresh.length;
    if (fresh.length > 0 || this.#outdated || this.#decoder.wouldNarrow(completions)) {
      this.#slots = [...active, ...fresh];
      this.#outdated = false;
      this.#decoder.load(this.#slots, this.#classes(), admitted);
    }
    if (fresh.length > 0) this.#keepPrompts(admitted, this.#decoder.prefill(admitted));
    const lengths = this.#slots.map(({ ids }) => ids.length);
    // A fresh completion's first token is drawn with its prompt.
    const left = this.#slots.map(({ finished, cap, ids }) => (finished ? 0 : cap - Math.max(1, ids.length)));
    const classes = this.#classCount();
    // How a prompt's completions part at their first token is not known, and is much: it is read before the first pass.
    const parting = fresh.length > admitted.length && this.#shares;
    const passes = parting ? 0 : Math.min(this.#schedule.passes(classes), Math.max(...left));
    // Completions that part in between wait where there is no row for them: room in advance costs more than it saves.
    const step = this.#device.caps.isSoftware ? ROW_STEP.software : ROW_STEP.gpu;
    this.#decoder.decode(passes, Math.min(step * Math.ceil(classes / step), this.#slots.length));
    // The GPU is busy: what the listener does about those that finished before costs no time now.
    this.tell();
    const results = await this.#decoder.results();
    const [tokens, finished] = [this.#tokens, this.#finished];
    /** Rows of all passes that tokens were drawn from. */
    const drawnFrom = new Set<number>();
    for (let n = 0; n <= passes; n++) {
      for (const [i, slot] of this.#slots.entries()) {
        const position = (lengths[i] as number) + n;
        if (slot.finished || position >= results.length(i)) continue;
        const { token, logp, entropy, pass, row } = results.at(i, position);
        if (pass > 0) {
          keepRow(slot.result, this.#decoder.keptRow(pass, row));
          drawnFrom.add(pass * this.#slots.length + row);
        }
        this.#take(slot, token, logp, entropy);
      }
    }
    this.#rows += drawnFrom.size;
    this.#learnClasses(results);
    this.#schedule.learn({
      passes,
      tokens: this.#tokens - tokens,
      finished: this.#finished - finished,
      ms: fresh.length > 0 ? undefined : now() - begun,
    });
    this.#options.onProgress?.(this.#tokens, this.#finished, this.#rows);
  }

  /** For each slot the first one of its class. */
  #classes(): number[] {
    if (!this.#shares) return this.#slots.map((_, i) => i);
    const firsts = new Map<number, number>();
    return this.#slots.map(({ classKey }, i) => {
      const first = firsts.get(classKey) ?? i;
      firsts.set(classKey, first);
      return first;
    });
  }

  /** Rows that the completions in flight take. */
  #classCount(): number {
    const unfinished = this.#slots.filter(({ finished }) => !finished);
    return this.#shares ? new Set(unfinished.map(({ classKey }) => classKey)).size : unfinished.length;
  }

  /** Learns from what the GPU found which slots are of one class. */
  #learnClasses(results: Results): void {
    const { vocab_size } = this.#model.config;
    for (const [i, slot] of this.#slots.entries()) {
      if (!slot.finished) slot.classKey = results.classOf(i) * vocab_size + (slot.ids.at(-1) as number);
    }
  }

  /** Tells of the completions that have finished since it was called last. */
  tell(): void {
    for (const { request, index, result } of this.#toTell.splice(0)) {
      this.#options.onCompletion?.(request, index, result);
    }
  }

  /** Notes where the rows of prompts are kept that a pass took in, the first of them in row `first`. */
  #keepPrompts(
    admitted: readonly (Prefill & { readonly slots: readonly Active[] })[],
    first: number | undefined,
  ): void {
    let row = first;
    for (const { prompt, cached, slots } of admitted) {
      for (const { request, result } of slots) {
        if (!cached) this.#keptPrompts[request] = row;
        const kept = this.#keptPrompts[request];
        if (kept !== undefined) result.kept = { prompt: kept, own: [] };
      }
      if (row !== undefined) row += cached ? 1 : prompt.length;
    }
  }

  /** Appends a sampled token; a completion that is finished by it gives its rows of the cache back. */
  #take(a: Active, token: number, logp: number, entropy: number): void {
    const { ids } = a.result;
    if (token >= this.#model.config.vocab_size) {
      throw new UserError(
        `The logits of token ${ids.length + 1} of a completion are not numbers: the weights or the steering vectors hold NaN or ` +
          'infinity, or the activations overflowed. Lower the scale of the vectors, or take the files again.',
      );
    }
    ids.push(token);
    a.result.logp.push(logp);
    a.result.entropy.push(entropy);
    this.#tokens++;
    this.#options.onToken?.(a.request, a.index, token, logp, entropy);
    const stopped = this.#eos.has(token) || this.#options.shouldStop?.(ids) === true;
    if (!stopped && ids.length < a.cap) return;
    a.finished = true;
    if (ids.length < a.cap && !this.#eos.has(token)) this.#outdated = true;
    a.result.finishReason = stopped ? 'stop' : 'length';
    this.#cache.give(a.ownStart, a.cap);
    const unfinished = (this.#unfinished[a.request] as number) - 1;
    this.#unfinished[a.request] = unfinished;
    if (unfinished === 0) this.#forget(a.request);
    this.#finished++;
    this.#toTell.push(a);
  }

  /**
   * Takes in waiting completions while there is room. A request's prompt is taken in with its first completions, and is in
   * the cache for those that come later.
   */
  #admit(active: number): (Prefill & { readonly slots: Active[] })[] {
    const admitted: (Prefill & { readonly slots: Active[] })[] = [];
    const maxRows = this.#maxRows();
    let inFlight = active;
    let promptRows = 0;
    for (let next = this.#waiting.at(-1); next && inFlight < maxRows; next = this.#waiting.at(-1)) {
      const { request, index } = next;
      const { prompt, completions } = this.#requests[request] as GenerationRequest;
      let group = admitted.at(-1);
      const known = this.#prefixes.get(request);
      if (!known && promptRows > 0 && promptRows + prompt.length > this.#options.maxPromptRows) break;
      const prefix = known ?? this.#takePrefix(request);
      const cap = this.#caps[request] as number;
      const ownStart = prefix && this.#cache.take(cap);
      if (!prefix || ownStart === undefined) {
        // Nothing that is in flight will make room: the prompt lies where it leaves none, or it has just been taken.
        const stuck = known !== undefined && inFlight === 0;
        if (prefix && (stuck || !known)) this.#forget(request);
        if (stuck) continue;
        break;
      }
      this.#waiting.pop();
      inFlight++;
      const { sampling, key } = completions[index] as (typeof completions)[number];
      const result = this.results[request]?.[index] as Completion;
      if (group?.prefix !== prefix) {
        const cached = known !== undefined;
        promptRows += cached ? 1 : prompt.length;
        group = { prompt, prefix, cached, slots: [] };
        admitted.push(group);
      }
      const classKey = -admitted.length;
      const { ids } = result;
      group.slots.push({
        request,
        index,
        result,
        prefix,
        ownStart,
        cap,
        sampling,
        key,
        ids,
        finished: false,
        classKey,
      });
    }
    return admitted;
  }

  #takePrefix(request: number): Prefix | undefined {
    const { prompt } = this.#requests[request] as GenerationRequest;
    const start = this.#cache.take(prompt.length);
    if (start === undefined) return undefined;
    const prefix = { start, length: prompt.length };
    this.#prefixes.set(request, prefix);
    return prefix;
  }

  /** Gives the rows of a request's prompt back. */
  #forget(request: number): void {
    const { start, length } = this.#prefixes.get(request) as Prefix;
    this.#cache.give(start, length);
    this.#prefixes.delete(request);
  }

  /** Completions in flight: as many as asked for, while their logits fit one binding. */
  #maxRows(): number {
    const bindable = logitRowsPerBinding(this.#model.config, this.#device.caps.maxBinding);
    return Math.max(1, Math.min(this.#options.maxRows, bindable));
  }

  /** As many rows as the work can use, within the budget; at least one prompt with one completion must fit. */
  #cacheRows(): number {
    const rowBytes = cacheRowBytes(this.#model.config, this.#options.kvCacheDtype ?? this.#model.kvCacheDtype);
    const perLayer = rowBytes / this.#model.layers.length;
    const budget = Math.min(this.#options.cacheBytes / rowBytes, this.#device.caps.maxBinding / perLayer);
    let wanted = 0;
    let least = 0;
    const sizes = this.#requests.map((request, i) => {
      const cap = this.#caps[i] as number;
      least = Math.max(least, request.prompt.length + cap);
      return { prompt: request.prompt.length, cap, completions: request.completions.length };
    });
    const maxRows = this.#maxRows();
    sizes.sort((a, b) => b.prompt + b.cap - a.prompt - a.cap);
    for (let i = 0, rows = 0; i < sizes.length && rows < maxRows; i++) {
      const { prompt, cap, completions } = sizes[i] as (typeof sizes)[number];
      const taken = Math.min(completions, maxRows - rows);
      wanted += prompt + cap * taken;
      rows += taken;
    }
    const limit = Math.floor(budget);
    if (least > limit) {
      throw new UserError(
        `a sequence of ${least} tokens needs ${least} rows of keys and values, and ${limit} fit the cache ` +
          `(${rowBytes} bytes a row). Lower max_completion_length, raise --memory-budget, or keep them in f16 (kv_cache_dtype).`,
      );
    }
    return Math.max(1, Math.min(wanted, limit));
  }
}

/** Notes in which row a completion's next token is kept; without one nothing of it is. */
function keepRow(result: Completion, row: number | undefined): void {
  if (row === undefined) result.kept = undefined;
  else result.kept?.own.push(row);
}
