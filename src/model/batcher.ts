import { Tape } from '../autograd/tape.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { DOMAIN } from '../gpu/philox.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { sample } from '../kernels/sample.ts';
import type {
  Completion,
  GENERATION_LIMITS,
  GenerateOptions,
  GenerationRequest,
  SampleKey,
  Sampling,
} from './generate.ts';
import { KVCache } from './kv_cache.ts';
import type { Model } from './model.ts';
import { finalNorm, forward, logits } from './transformer.ts';

/** A prompt whose keys are in the cache, counted by the completions that still read them. */
interface Prefix {
  readonly start: number;
  readonly length: number;
  readers: number;
}

interface Active {
  readonly request: number;
  readonly index: number;
  readonly result: Completion;
  readonly prefix: Prefix;
  readonly ownStart: number;
  readonly cap: number;
}

type LimitedOptions = GenerateOptions & Readonly<Record<keyof typeof GENERATION_LIMITS, number>>;

/** Continuous batching for `generate`: what is in flight, what waits, and the cache that both share. */
export class Batcher {
  readonly results: Completion[][];
  readonly #model: Model;
  readonly #device: Device;
  readonly #requests: readonly GenerationRequest[];
  readonly #options: LimitedOptions;
  readonly #eos: ReadonlySet<number>;
  readonly #cache: KVCache;
  readonly #waiting: { request: number; index: number }[];
  #active: Active[] = [];
  #tokens = 0;
  #finished = 0;

  constructor(model: Model, requests: readonly GenerationRequest[], options: LimitedOptions) {
    this.#model = model;
    this.#device = model.device;
    this.#requests = requests;
    this.#options = options;
    this.#eos = new Set(options.eosIds);
    this.results = requests.map((request) =>
      request.completions.map(() => ({ ids: [], logp: [], entropy: [], finishReason: 'length' as const })),
    );
    this.#waiting = requests.flatMap((r, request) => r.completions.map((_, index) => ({ request, index }))).reverse();
    this.#cache = new KVCache(model, this.#cacheRows());
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0 || this.#active.length > 0;
  }

  dispose(): void {
    this.#cache.dispose();
  }

  /** One pass: the next token of everything in flight, and the first of what was admitted. */
  async step(): Promise<void> {
    const decoding = this.#active;
    const admitted = this.#admit();
    const headRows: number[] = [];
    const rows = new RowTables(decoding.length + admitted.reduce((sum, a) => sum + a.prefix.length, 0));
    for (const a of decoding) {
      const t = a.result.ids.length;
      headRows.push(rows.n);
      rows.push(a.result.ids[t - 1] as number, a.prefix.length + t - 1, a.ownStart + t - 1, [
        a.prefix.start,
        a.prefix.start + a.prefix.length,
        a.ownStart,
        a.ownStart + t,
      ]);
    }
    const promptRows: number[] = [];
    for (const { prefix, request, completions } of admitted) {
      const { prompt } = this.#requests[request] as GenerationRequest;
      for (const _ of completions) promptRows.push(rows.n);
      for (const [i, id] of prompt.entries())
        rows.push(id, i, prefix.start + i, [0, 0, prefix.start, prefix.start + i + 1]);
      for (const _ of completions) headRows.push(rows.n - 1);
    }
    const sampled = [...decoding, ...admitted.flatMap((a) => a.completions)];
    const { tokens, logp, entropy, first } = await this.#run(rows, headRows, sampled);
    if (this.#options.capture) {
      for (const [i, { result }] of decoding.entries()) {
        if (first === undefined) result.kept = undefined;
        else result.kept?.own.push(first + i);
      }
      for (const [i, row] of promptRows.entries()) {
        const { result } = sampled[decoding.length + i] as Active;
        if (first !== undefined) result.kept = { prompt: first + row, own: [] };
      }
    }
    this.#active = sampled.filter((a, i) =>
      this.#take(a, tokens[i] as number, logp[i] as number, entropy[i] as number),
    );
    this.#options.onProgress?.(this.#tokens, this.#finished);
  }

  /** Forward, head, sample, read back. */
  async #run(rows: RowTables, headRows: readonly number[], sampled: readonly Active[]) {
    const { arena } = this.#device;
    const made: Tensor[] = [];
    const up = (data: Uint32Array, shape: readonly number[], label: string) => {
      const tensor = this.#device.upload(data, shape, 'u32', label);
      made.push(tensor);
      return tensor;
    };
    const r = sampled.length;
    const control = new Uint32Array(4 * r);
    const counters = new Uint32Array(4 * r);
    const floats = new Float32Array(control.buffer);
    sampled.forEach((a, i) => {
      const { completions } = this.#requests[a.request] as GenerationRequest;
      const { sampling, key } = completions[a.index] as (typeof completions)[number];
      floats[4 * i] = sampling.temperature;
      control[4 * i + 1] = sampling.topK ?? 0;
      floats[4 * i + 2] = sampling.topP ?? 1;
      counters.set([key.step, key.prompt, key.completion, a.result.ids.length], 4 * i);
    });
    const table = {
      n: rows.n,
      ids: up(rows.ids, [rows.n], 'ids'),
      positions: up(rows.positions, [rows.n], 'positions'),
      ranges: up(rows.ranges, [rows.n, 4], 'ranges'),
    };
    const dest = up(rows.dest, [rows.n], 'cache rows');
    const heads = up(Uint32Array.from(headRows), [r], 'head rows');
    const inputs = { control: up(control, [r, 4], 'control'), counters: up(counters, [r, 4], 'counters') };
    const { capture, steering } = this.#options;
    const captured = capture?.open(rows.n);
    const tape = new Tape(this.#device, captured && capture?.target);
    const pass = () => forward(tape, this.#model, table, { steering, cache: { kv: this.#cache, dest } });
    const resid = captured ? tape.capture(captured.sink, pass) : pass();
    const hidden = finalNorm(tape, this.#model, resid, heads, r);
    const scores = logits(tape, this.#model, hidden);
    const out = {
      tokens: arena.alloc([r], 'u32', 'tokens'),
      logp: arena.alloc([r], 'f32', 'logp'),
      entropy: arena.alloc([r], 'f32', 'entropy'),
    };
    sample(
      tape.rec,
      { logits: scores.tensor, ...inputs, ...out },
      {
        rows: r,
        v: this.#model.config.vocab_size,
        stride: scores.tensor.shape[1] as number,
        key0: this.#options.seed >>> 0,
        key1: this.#options.domain ?? DOMAIN.SAMPLE,
      },
    );
    tape.release(resid, hidden, scores);
    const [tokens, logp, entropy] = await this.#device.readBytes([out.tokens, out.logp, out.entropy]);
    for (const tensor of [...made, ...Object.values(out)]) arena.free(tensor);
    return {
      tokens: new Uint32Array((tokens as Uint8Array).buffer),
      logp: new Float32Array((logp as Uint8Array).buffer),
      entropy: new Float32Array((entropy as Uint8Array).buffer),
      first: captured?.first,
    };
  }

  /** Appends a sampled token; false once the completion is finished and its rows are given back. */
  #take(a: Active, token: number, logp: number, entropy: number): boolean {
    if (token >= this.#model.config.vocab_size) {
      throw new UserError(
        `The logits of token ${a.result.ids.length + 1} of a completion are not numbers: the weights or the steering vectors hold NaN or ` +
          'infinity, or the activations overflowed. Lower the scale of the vectors, or take the files again.',
      );
    }
    a.result.ids.push(token);
    a.result.logp.push(logp);
    a.result.entropy.push(entropy);
    this.#tokens++;
    this.#options.onToken?.(a.request, a.index, token);
    const stopped = this.#eos.has(token) || this.#options.shouldStop?.(a.result.ids) === true;
    if (!stopped && a.result.ids.length < a.cap) return true;
    a.result.finishReason = stopped ? 'stop' : 'length';
    this.#cache.give(a.ownStart, a.cap);
    a.prefix.readers--;
    if (a.prefix.readers === 0) this.#cache.give(a.prefix.start, a.prefix.length);
    this.#finished++;
    this.#options.onCompletion?.(a.request, a.index, a.result);
    return false;
  }

  /** Takes in waiting completions while there is room; those of one request that enter together share its prompt. */
  #admit(): { request: number; prefix: Prefix; completions: Active[] }[] {
    const admitted: { request: number; prefix: Prefix; completions: Active[] }[] = [];
    const maxRows = this.#maxRows();
    let inFlight = this.#active.length;
    let promptRows = 0;
    for (let next = this.#waiting.at(-1); next && inFlight < maxRows; next = this.#waiting.at(-1)) {
      const { prompt } = this.#requests[next.request] as GenerationRequest;
      let group = admitted.at(-1);
      if (group?.request !== next.request) {
        if (promptRows > 0 && promptRows + prompt.length > this.#options.maxPromptRows) break;
        const start = this.#cache.take(prompt.length);
        if (start === undefined) break;
        promptRows += prompt.length;
        group = { request: next.request, prefix: { start, length: prompt.length, readers: 0 }, completions: [] };
        admitted.push(group);
      }
      const cap = this.#capOf(next.request);
      const ownStart = this.#cache.take(cap);
      if (ownStart === undefined) {
        if (group.completions.length === 0) {
          this.#cache.give(group.prefix.start, group.prefix.length);
          admitted.pop();
        }
        break;
      }
      this.#waiting.pop();
      group.prefix.readers++;
      inFlight++;
      const result = this.results[next.request]?.[next.index] as Completion;
      group.completions.push({ ...next, result, prefix: group.prefix, ownStart, cap });
    }
    return admitted;
  }

  /** Completions in flight: as many as asked for, while their logits fit one binding. */
  #maxRows(): number {
    const rowBytes = 4 * (this.#model.config.vocab_size + 3);
    return Math.max(1, Math.min(this.#options.maxRows, Math.floor(this.#device.caps.maxBinding / rowBytes)));
  }

  /** New tokens that a request may take before the context ends. */
  #capOf(request: number): number {
    const { prompt, maxNewTokens, completions } = this.#requests[request] as GenerationRequest;
    const context = this.#model.maxPositions;
    if (prompt.length === 0) throw new UserError(`prompt ${request + 1} is empty: it must hold at least one token`);
    const { vocab_size } = this.#model.config;
    const odd = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocab_size);
    if (odd !== undefined)
      throw new UserError(
        `prompt ${request + 1} holds ${odd}: token ids are whole numbers from 0 to ${vocab_size - 1}.`,
      );
    for (const { sampling, key } of completions) checkSampling(sampling, key, request + 1);
    if (!(Number.isInteger(maxNewTokens) && maxNewTokens >= 1))
      throw new UserError(`prompt ${request + 1} asks for ${maxNewTokens} new tokens: at least 1 is sampled.`);
    if (prompt.length >= context) {
      throw new UserError(
        `prompt ${request + 1} is ${prompt.length} tokens long and the context holds ${context}: nothing can be generated. Shorten the prompt.`,
      );
    }
    return Math.min(maxNewTokens, context - prompt.length);
  }

  /** As many rows as the work can use, within the budget; at least one prompt with one completion must fit. */
  #cacheRows(): number {
    const rowBytes = KVCache.rowBytes(this.#model);
    const perLayer = rowBytes / this.#model.layers.length;
    const budget = Math.min(this.#options.cacheBytes / rowBytes, this.#device.caps.maxBinding / perLayer);
    let wanted = 0;
    let least = 0;
    const sizes = this.#requests.map((request, i) => {
      const cap = this.#capOf(i);
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
          `(${rowBytes} bytes a row). Lower max_completion_length, or raise --memory-budget.`,
      );
    }
    return Math.max(1, Math.min(wanted, limit));
  }
}

/** The per-row tables of one pass, filled in order. */
class RowTables {
  n = 0;
  readonly ids: Uint32Array;
  readonly positions: Uint32Array;
  readonly dest: Uint32Array;
  readonly ranges: Uint32Array;

  constructor(capacity: number) {
    this.ids = new Uint32Array(capacity);
    this.positions = new Uint32Array(capacity);
    this.dest = new Uint32Array(capacity);
    this.ranges = new Uint32Array(4 * capacity);
  }

  push(id: number, position: number, dest: number, range: readonly [number, number, number, number]): void {
    this.ids[this.n] = id;
    this.positions[this.n] = position;
    this.dest[this.n] = dest;
    this.ranges.set(range, 4 * this.n);
    this.n++;
  }
}

/** @throws UserError for settings under which nothing sensible can be sampled */
function checkSampling({ temperature, topK = 0, topP = 1 }: Sampling, key: SampleKey, prompt: number): void {
  const counts = [key.step, key.prompt, key.completion];
  const wrong =
    (!(Number.isFinite(temperature) && temperature >= 0) && `temperature is ${temperature}; a number of at least 0`) ||
    (!(Number.isInteger(topK) && topK >= 0) && `topK is ${topK}; a whole number of at least 0`) ||
    (!(topP > 0 && topP <= 1) && `topP is ${topP}; a number above 0 and up to 1`) ||
    (!counts.every((n) => Number.isInteger(n) && n >= 0) && `its key is ${counts.join(', ')}; whole numbers from 0`);
  if (wrong) throw new UserError(`prompt ${prompt}: ${wrong} is expected.`);
}
