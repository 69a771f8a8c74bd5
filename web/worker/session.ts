import { createGPU } from '#platform';
import { type Device, openDevice } from '../../src/gpu/device.ts';
import { UserError } from '../../src/gpu/errors.ts';
import type { ModelFolder, RandomAccess } from '../../src/gpu/platform.ts';
import { type LanguageModel, openModelFiles, uploadModel } from '../../src/model/language_model.ts';
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
  /** Of the weights on the GPU, as they are kept there. */
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

/** The GPU and the one model on it. Parts of the engine take their turn on it one after the other. */
export class Session {
  readonly turn = new Turn();
  /** Set by training after each step and when a run is opened, and by Steer when a file is. */
  vectors: CurrentVectors | undefined;
  /** Where the model came from: a folder may bring problems and a configuration of its own. */
  files: ModelFolder | RandomAccess | undefined;
  #device: Device | undefined;
  #lm: LanguageModel | undefined;

  /** @throws UserError where there is no WebGPU, no adapter, or one without the limits needed */
  async open(options: SessionOptions, events: SessionEvents): Promise<AdapterInfo> {
    const gpu = await createGPU();
    const adapter = await gpu.requestAdapter();
    if (!adapter) {
      throw new UserError(
        'This browser knows WebGPU, but has no adapter to run it on. On Linux start Chrome with --enable-unsafe-webgpu ' +
          '--enable-features=Vulkan; elsewhere switch on "Use graphics acceleration when available" in its settings. ' +
          'chrome://gpu says what it found.',
      );
    }
    const device = await openDevice(gpu, options);
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

  get hasModel(): boolean {
    return this.#lm !== undefined;
  }

  /**
   * Replaces the model on the GPU, whose place the new one needs: two may not fit. Files that cannot be read leave the old
   * one where it is.
   *
   * @throws UserError for anything wrong with the files, or a model that does not fit
   */
  async load(files: ModelFolder | RandomAccess): Promise<ModelInfo> {
    this.turn.refuseDuring('loading a model');
    return this.turn.take('loading a model', async () => {
      const opened = await openModelFiles(files);
      try {
        const before = this.#lm?.model.identity;
        this.#unload();
        this.#lm = await uploadModel(this.device, opened);
        this.files = files;
        // What was trained on one model says nothing to another.
        if (this.#lm.model.identity !== before) this.vectors = undefined;
        return this.info();
      } catch (error) {
        this.#unload();
        throw error;
      } finally {
        await opened.source.close();
      }
    });
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

  /** What is on the GPU, in bytes: all buffers that exist, and what of them is in use. */
  memory(): { readonly allocated: number; readonly live: number } {
    return { allocated: this.device.allocatedBytes, live: this.device.arena.liveBytes };
  }

  #unload(): void {
    this.#lm?.model.dispose();
    // Buffers that are kept for the next ones of their size would be the system's until the page is closed.
    this.#device?.arena.trim();
    this.#lm = undefined;
    this.files = undefined;
    this.device.trim();
  }
}
