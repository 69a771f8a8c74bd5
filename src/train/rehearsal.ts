/** The memory of rollouts and training passes, found by running their allocations on a device that computes nothing. */
import { type SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { type RehearsedDevice, rehearsalDevice } from '../gpu/rehearsal.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { ModelConfig } from '../model/config.ts';
import { Decoder } from '../model/decoder.ts';
import type { RowKeeper } from '../model/generate.ts';
import { type CacheType, KVCache } from '../model/kv_cache.ts';
import { layOut, type Model } from '../model/model.ts';
import { type Group, pack, uploadPacked } from '../model/packing.ts';
import type { Slot } from '../model/slots.ts';
import { forwardKept } from '../model/transformer.ts';
import { WeightLoader } from '../model/weight_loader.ts';
import { expectedTensors } from '../model/weight_table.ts';
import { ActivationStore, type ActivationStoreOptions } from './activation_store.ts';
import { lossTensors, passOver } from './pass.ts';
import type { RatioLevel } from './ratio.ts';

export interface RehearsedPass {
  readonly groups: readonly Group[];
  /** `score` differentiates nothing; `kept` takes the layers' activations from the rollout. */
  readonly recompute: 'none' | 'layer' | 'score' | 'kept';
  /** Whether the model without vectors is run too. */
  readonly reference: boolean;
  /** Over what the importance ratio is taken to the log-probabilities before the first update, where it is. */
  readonly ratio: RatioLevel | undefined;
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
  readonly #target: SteeringTarget;
  #store: ActivationStore | undefined;
  /** Why the last work that took infinite bytes did. */
  refusal: UserError | undefined;

  /**
   * @param trained layers whose vectors train
   * @param device the one that the work will run on
   */
  constructor(config: ModelConfig, trained: ReadonlySet<number>, kvCacheDtype: CacheType, device: RehearsedDevice) {
    this.#device = rehearsalDevice(device);
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
    this.#model = layOut(new WeightLoader(this.#device, source, 'auto'), this.#device, source, {
      maxPositions: 1,
      kvCacheDtype,
    });
    const { num_hidden_layers: layers, hidden_size: c } = config;
    this.#vectors = this.#device.arena.alloc([layers, c]);
    this.#target = { grad: this.#vectors, layers: trained };
  }

  /** Bytes of so many rows of a rollout that are kept for the gradient. */
  kept(rows: number, options: ActivationStoreOptions): number {
    const { arena } = this.#device;
    this.#store?.dispose();
    const before = arena.liveBytes;
    this.#store = new ActivationStore(this.#device, this.#target, rows, options);
    const tape = new Tape(this.#device, this.#target);
    const tables = uploadPacked(this.#device, pack([{ prompt: [0], completions: [] }]));
    const steering = { tensor: this.#vectors, scale: 1 };
    tape.release(forwardKept(tape, this.#model, tables, this.#store, { steering }));
    tables.free();
    return arena.liveBytes - before;
  }

  /** Keeps every pass where the last one was kept. */
  #keeper(): RowKeeper {
    const store = this.#store as ActivationStore;
    return { target: this.#target, lower: store.lower, open: () => 0, sink: (n) => store.sink(n) };
  }

  /** Bytes that a micro-batch takes at the most. */
  pass(o: RehearsedPass): number {
    return this.#peakOf(() => this.#pass(o));
  }

  /** Bytes that rollouts take at the most: prompts are taken in, a pass at a time, and what is in flight decodes in between. */
  rollout(o: RolloutOptions): number {
    return this.#peakOf(() => this.#rollout(o));
  }

  /** Bytes of both where neither gives its buffers up for the other: those of one size serve both. */
  both(rollout: RolloutOptions, pass: RehearsedPass): number {
    return this.#peakOf(() => {
      this.#rollout(rollout);
      this.#pass(pass);
    });
  }

  #pass({ groups, recompute, reference, ratio }: RehearsedPass): void {
    const packed = pack(groups);
    const tables = uploadPacked(this.#device, packed);
    const kept = recompute === 'kept' ? this.#store?.source(new Array<number>(tables.n).fill(0)) : undefined;
    const zeros = new Float32Array(packed.targets.length);
    const values = { advantage: zeros, weight: zeros, old: ratio && zeros };
    const clipped = ratio && { level: ratio, epsilonLow: 0, epsilonHigh: 0 };
    const loss = lossTensors(this.#device, packed, values, { beta: 0, ratio: clipped });
    const pass = passOver(this.#model, tables, {
      target: recompute === 'score' ? undefined : this.#target,
      steering: { tensor: this.#vectors, scale: 1 },
      temperature: 1,
      recompute: recompute === 'layer' ? 'layer' : 'none',
      reference,
      lowest: Math.min(...this.#target.layers),
      kept,
    });
    loss.backward(pass);
    pass.tape.release(pass.logp, pass.reference);
    loss.free();
    kept?.dispose();
    tables.free();
  }

  #rollout(o: RolloutOptions): void {
    const cache = new KVCache(this.#model, o.cacheRows);
    const decoder = new Decoder(this.#model, cache, {
      slots: o.inFlight,
      steering: { tensor: this.#vectors, scale: 1 },
      stopIds: [0],
      key: [0, 0],
      keeper: o.keeps ? this.#keeper() : undefined,
    });
    const prompt = new Array<number>(o.prompt).fill(0);
    const prefix = { start: 0, length: o.prompt };
    const [sampling, key] = [{ temperature: 1 }, { step: 0, prompt: 0, completion: 0 }];
    const slot: Slot = { prefix, ownStart: 0, cap: 2, sampling, key, ids: [] };
    const perPass = Math.max(1, Math.floor(o.promptRows / o.prompt));
    let inFlight = 0;
    for (let left = o.prompts; left > 0 && inFlight < o.inFlight; ) {
      const wanted = Math.ceil((o.inFlight - inFlight) / o.completions);
      const admitted = Math.min(left, perPass, wanted);
      const next = Math.min(o.inFlight, inFlight + admitted * o.completions);
      const prefills = Array.from({ length: admitted }, (_, i) => {
        const first = inFlight + i * o.completions;
        return { prompt, prefix, cached: false, slots: new Array(Math.min(o.completions, next - first)).fill(slot) };
      });
      const slots = new Array<Slot>(next).fill(slot);
      decoder.load(
        slots,
        slots.map((_, i) => i),
        prefills,
      );
      decoder.prefill(prefills);
      decoder.decode(1, next);
      left -= admitted;
      inFlight = next;
    }
    decoder.dispose();
    cache.dispose();
  }

  /** As many bytes as tensors of these sizes take. */
  tensors(shapes: readonly (readonly number[])[]): number {
    return this.#peakOf(() => {
      for (const tensor of shapes.map((shape) => this.#device.arena.alloc(shape))) this.#device.arena.free(tensor);
    });
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
