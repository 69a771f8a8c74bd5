import { createGPU } from '#platform';
import { formatBytes } from '../../src/gpu/bytes.ts';
import type { Device } from '../../src/gpu/device.ts';
import { GpuError, UserError } from '../../src/gpu/errors.ts';
import { openDevice } from '../../src/gpu/open_device.ts';
import type { ModelFolder, RandomAccess } from '../../src/gpu/platform.ts';
import { type LanguageModel, type OpenedModel, openModelFiles, uploadModel } from '../../src/model/language_model.ts';
import { weightBytes } from '../../src/model/model.ts';
import { Turn } from './turn.ts';
import type { CurrentVectors } from './vectors.ts';

export interface AdapterInfo {
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface ModelInfo {
  readonly name: string;
  /** SHA-256 of what the weights are, as vectors carry it. */
  readonly identity: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly hasChatTemplate: boolean;
  /** Of the weights on the GPU. */
  readonly bytes: number;
}

export interface SessionOptions {
  /** Bytes of GPU memory that may be allocated. WebGPU does not tell what is free, so the reader of the page may say it. */
  readonly memoryBudget?: number;
}

/** What the page is told without having asked. */
export interface SessionEvents {
  lost(reason: string): void;
}

/** Bytes of a model that are on the GPU, of all that have to be. */
export type UploadProgress = (done: number, total: number) => void;

/** What outlives a lost GPU. */
export interface Kept {
  readonly vectors: CurrentVectors | undefined;
  /** Of the model that they belong to. */
  readonly identity: string | undefined;
}

/** The GPU and the one model on it. Parts of the engine take their turn on it one after the other. */
export class Session {
  readonly turn = new Turn();
  /** Set by training after each step and when a run is opened, and by Steer when a file is. */
  vectors: CurrentVectors | undefined;
  /** Where the model came from: a folder may bring problems and a configuration of its own. */
  files: ModelFolder | RandomAccess | undefined;
  #device: Device | undefined;
  #lm: LanguageModel | undefined;
  /** Of the model that was loaded last. */
  #identity: string | undefined;

  /** @throws UserError where there is no WebGPU, no adapter, or one without the limits needed */
  async open(options: SessionOptions, events: SessionEvents): Promise<AdapterInfo> {
    const device = await openDevice(await createGPU(), options);
    this.#device = device;
    void device.gpu.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') events.lost(message || 'the browser gave no reason');
    });
    const limits: Record<string, number> = {};
    for (const name in device.gpu.limits) limits[name] = device.gpu.limits[name as keyof GPUSupportedLimits] as number;
    const { adapter: name, isSoftware } = device.caps;
    return { adapter: name, isSoftware, features: [...device.gpu.features].sort(), limits };
  }

  /** @throws UserError before `open` */
  get device(): Device {
    if (!this.#device) throw new UserError('The GPU is not open yet.');
    return this.#device;
  }

  /** @throws UserError where no model is loaded */
  get lm(): LanguageModel {
    if (!this.#lm) throw new UserError('No model is loaded: choose one under Models.');
    return this.#lm;
  }

  /**
   * Replaces the model on the GPU. What is wrong with the files, and whether they fit the memory budget, is found out before
   * the old model goes; it goes before the new one comes, because two need not fit.
   */
  async load(files: ModelFolder | RandomAccess, onProgress?: UploadProgress): Promise<ModelInfo> {
    this.turn.refuseDuring('loading a model');
    const { device } = this;
    const opened = await openModelFiles(files);
    try {
      return await this.turn.take('loading a model', async () => {
        // Looking at the files may have taken long.
        this.turn.refuseDuring('loading a model');
        checkBudget(opened, device.arena.budget);
        this.#unload();
        await this.#upload(opened, onProgress);
        this.files = files;
        return this.info();
      });
    } finally {
      await opened.source.close();
    }
  }

  async unload(): Promise<void> {
    this.turn.refuseDuring('unloading the model');
    await this.turn.take('unloading the model', async () => this.#unload());
  }

  info(): ModelInfo {
    const { model, tokenizer, name } = this.lm;
    const { config } = model;
    return {
      name,
      identity: model.identity,
      layers: config.num_hidden_layers,
      hiddenSize: config.hidden_size,
      heads: config.num_attention_heads,
      vocabSize: config.vocab_size,
      maxPositions: model.maxPositions,
      hasChatTemplate: tokenizer.hasChatTemplate,
      bytes: model.bytes,
    };
  }

  /** The model on the GPU, if there is one. */
  current(): ModelInfo | undefined {
    return this.#lm && this.info();
  }

  /** Bytes on the GPU: all that is allocated, and what of it is in use. */
  memory(): { readonly allocated: number; readonly live: number } {
    const { allocatedBytes, arena } = this.device;
    return { allocated: allocatedBytes, live: arena.liveBytes };
  }

  /** @param bytes undefined: no limit but the adapter's. It counts for what is allocated from now on */
  setMemoryBudget(bytes: number | undefined): void {
    this.device.arena.budget = bytes ?? Number.POSITIVE_INFINITY;
  }

  keep(): Kept {
    return { vectors: this.vectors, identity: this.#identity };
  }

  restore({ vectors, identity }: Kept): void {
    this.vectors = vectors;
    this.#identity = identity;
  }

  async #upload(opened: OpenedModel, onProgress: UploadProgress | undefined): Promise<void> {
    const { device } = this;
    let lm: LanguageModel | undefined;
    try {
      lm = await uploadModel(device, opened, onProgress && { onProgress });
      // An allocation that failed is told only after the queue has come to it.
      await device.sync();
    } catch (error) {
      lm?.model.dispose();
      device.trim();
      if (!(error instanceof GpuError)) throw error;
      const bytes = formatBytes(weightBytes(opened.source));
      throw new UserError(`${opened.name} needs ${bytes} on the GPU and could not be loaded. ${error.message}`);
    }
    this.#lm = lm;
    // What was trained on one model says nothing to another.
    if (lm.model.identity !== this.#identity) this.vectors = undefined;
    this.#identity = lm.model.identity;
  }

  #unload(): void {
    this.#lm?.model.dispose();
    this.#lm = undefined;
    this.files = undefined;
    this.#device?.trim();
  }
}

/** @throws UserError with the bytes needed and the limit */
function checkBudget({ name, source }: OpenedModel, budget: number): void {
  const bytes = weightBytes(source);
  if (bytes <= budget) return;
  throw new UserError(
    `The weights of ${name} take ${formatBytes(bytes)} on the GPU, and the memory budget is ${formatBytes(budget)}. ` +
      'Raise the budget under Models, or take the model in fewer bits (a GGUF file in Q8_0 or Q4_K) or a smaller one.',
  );
}
