/** The memory of rollouts and training passes, found by running their allocations on a device that computes nothing. */
import { Tape } from '../autograd/tape.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { rehearsalDevice } from '../gpu/rehearsal.ts';
import type { ElementType, Tensor } from '../gpu/tensor.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Capture } from '../model/generate.ts';
import { KVCache } from '../model/kv_cache.ts';
import { logProbabilities } from '../model/log_probabilities.ts';
import { layOut, type Model } from '../model/model.ts';
import { type Group, pack, uploadPacked } from '../model/packing.ts';
import { expectedTensors } from '../model/source.ts';
import { finalNorm, forward, logits } from '../model/transformer.ts';
import { WeightLoader } from '../model/weight_loader.ts';
import { ActivationStore } from './activation_store.ts';

export interface PassOptions {
  readonly groups: readonly Group[];
  /** `score` differentiates nothing; `kept` takes the layers' activations from the rollout. */
  readonly recompute: 'none' | 'layer' | 'score' | 'kept';
  /** Whether the model without vectors is run too. */
  readonly reference: boolean;
}

export interface RolloutOptions {
  readonly prompts: number;
  readonly prompt: number;
  /** Of a prompt. */
  readonly completions: number;
  /** Rows of keys and values. */
  readonly cacheRows: number;
  readonly inFlight: number;
  /** Prompt rows that one pass takes in. */
  readonly promptRows: number;
  /** Whether activations are kept for the gradient; the bytes of what is kept are not counted. */
  readonly keeps: boolean;
}

/** A model of a configuration without content. Nothing of it need be freed. */
export class Rehearsal {
  readonly #device: Device;
  readonly #model: Model;
  readonly #vectors: Tensor;
  readonly #layers: ReadonlySet<number>;
  readonly #store: ActivationStore;
  /** Why the last work that took infinite bytes did. */
  refusal: UserError | undefined;

  /** @param trained layers whose vectors train */
  constructor(config: ModelConfig, trained: ReadonlySet<number>, maxBinding: number) {
    this.#layers = trained;
    this.#device = rehearsalDevice(maxBinding);
    const tensors = new Map(
      [...expectedTensors(config)].map(([name, shape]) => [name, { name, dtype: 'bf16' as const, shape, file: '' }]),
    );
    const source = {
      name: 'rehearsal',
      config,
      identity: '',
      tensors,
      read: () => Promise.reject(new Error('no content')),
    };
    this.#model = layOut(new WeightLoader(this.#device, source, 'auto'), this.#device, source, { maxPositions: 1 });
    const { num_hidden_layers: layers, hidden_size: c } = config;
    this.#vectors = this.#device.arena.alloc([layers, c]);
    this.#store = new ActivationStore(this.#device, { grad: this.#vectors, layers: trained }, Number.POSITIVE_INFINITY);
  }

  /** Bytes of a chunk of kept rows; infinite where one does not fit a binding. */
  chunk(): number {
    const { arena } = this.#device;
    const before = arena.liveBytes;
    const peak = this.#peakOf(() => this.#keep(1));
    return Number.isFinite(peak) ? arena.liveBytes - before : peak;
  }

  /** A pass that keeps its rows as the store's first. */
  #keep(n: number): void {
    const cache = new KVCache(this.#model, 1);
    this.#generationPass(cache, n, 1, this.#firstRows());
    cache.dispose();
  }

  #firstRows(): Capture {
    return { target: this.#store.target, open: (n) => ({ sink: this.#store.sink(0, n), first: 0 }) };
  }

  /** Bytes that a micro-batch takes at the most. */
  pass({ groups, recompute, reference }: PassOptions): number {
    return this.#peakOf(() => {
      const { arena } = this.#device;
      const tables = uploadPacked(this.#device, pack(groups));
      const kept = recompute === 'kept' ? this.#store.source(new Array<number>(tables.n).fill(0)) : undefined;
      const { pairs } = tables.pairs;
      const held = [[pairs], [pairs], [pairs, 2], [2]].map((shape) => arena.alloc(shape));
      const before = reference
        ? logProbabilities(new Tape(this.#device), this.#model, tables, { temperature: 1 })
        : undefined;
      const target = recompute === 'score' ? undefined : { grad: this.#vectors, layers: this.#layers };
      const tape = new Tape(this.#device, target);
      const steering = { tensor: this.#vectors, scale: 1 };
      const logp = logProbabilities(tape, this.#model, tables, {
        temperature: 1,
        recompute: recompute === 'layer' ? 'layer' : 'none',
        steering,
        kept,
      });
      const coef = arena.alloc([pairs]);
      tape.backward(logp, { tensor: coef, references: 1 });
      tape.release(logp, before);
      kept?.dispose();
      for (const tensor of held) arena.free(tensor);
      tables.free();
    });
  }

  /** Bytes that rollouts take at the most: prompts are taken in, a pass at a time, then everything in flight decodes. */
  rollout(o: RolloutOptions): number {
    const keeps = o.keeps ? this.#firstRows() : undefined;
    if (keeps) this.#peakOf(() => this.#keep(o.inFlight + o.prompts * o.prompt));
    return this.#peakOf(() => {
      const cache = new KVCache(this.#model, o.cacheRows);
      const perPass = Math.max(1, Math.floor(o.promptRows / o.prompt));
      let inFlight = 0;
      for (let left = o.prompts; left > 0 && inFlight < o.inFlight; ) {
        const wanted = Math.ceil((o.inFlight - inFlight) / o.completions);
        const admitted = Math.min(left, perPass, wanted);
        const next = Math.min(o.inFlight, inFlight + admitted * o.completions);
        this.#generationPass(cache, inFlight + admitted * o.prompt, next, keeps);
        left -= admitted;
        inFlight = next;
      }
      this.#generationPass(cache, inFlight, inFlight, keeps);
      cache.dispose();
    });
  }

  /** As many bytes as tensors of these sizes take. */
  tensors(shapes: readonly (readonly number[])[]): number {
    return this.#peakOf(() => {
      for (const tensor of shapes.map((shape) => this.#device.arena.alloc(shape))) this.#device.arena.free(tensor);
    });
  }

  #generationPass(kv: KVCache, n: number, heads: number, capture?: Capture): void {
    const { arena } = this.#device;
    const made: Tensor[] = [];
    const make = (shape: readonly number[], dtype: ElementType = 'u32') => {
      const tensor = arena.alloc(shape, dtype);
      made.push(tensor);
      return tensor;
    };
    const table = { n, ids: make([n]), positions: make([n]), ranges: make([n, 4]) };
    const dest = make([n]);
    const headRows = make([heads]);
    for (const shape of [
      [heads, 4],
      [heads, 4],
    ])
      make(shape);
    const tape = new Tape(this.#device, capture?.target);
    const run = () => {
      const steering = { tensor: this.#vectors, scale: 1 };
      return forward(tape, this.#model, table, { steering, cache: { kv, dest } });
    };
    const kept = capture?.open(n);
    const resid = kept ? tape.capture(kept.sink, run) : run();
    const hidden = finalNorm(tape, this.#model, resid, headRows, heads);
    const scores = logits(tape, this.#model, hidden);
    for (let i = 0; i < 3; i++) make([heads]);
    tape.release(resid, hidden, scores);
    for (const tensor of made) arena.free(tensor);
  }

  /** Infinite where a tensor is larger than one binding. */
  #peakOf(work: () => void): number {
    const { arena } = this.#device;
    arena.trim();
    const before = arena.allocatedBytes;
    arena.peakBytes = before;
    try {
      work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.refusal = error;
      return Number.POSITIVE_INFINITY;
    }
    return arena.peakBytes - before;
  }
}
