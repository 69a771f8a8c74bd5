import { createGPU } from '#platform';
import { asker, longestPrompt } from '../eval/ask.ts';
import type { Problem } from '../eval/data.ts';
import { type EvaluateOptions, type Evaluation, evaluate } from '../eval/evaluate.ts';
import { type Lens, readVectors } from '../eval/lens.ts';
import { type PromptSpec, resolvePrompt } from '../eval/prompts.ts';
import type { Device } from '../gpu/device.ts';
import { openDevice } from '../gpu/open_device.ts';
import type { ModelFolder, RandomAccess } from '../gpu/platform.ts';
import type { ModelConfig } from '../model/config.ts';
import { findModel, type HubOptions } from '../model/hub.ts';
import { type LanguageModel, openLanguageModel } from '../model/language_model.ts';
import type { LoadOptions } from '../model/model.ts';
import { checkSteering, uploadSteering } from '../model/steering.ts';
import { type Prompted, streamText, type TextEvent, type TextOptions } from './text.ts';
import type { SteeringVectors } from './vectors.ts';

export interface LoadModelOptions extends LoadOptions {
  /** An open device to share. Without it the model opens one, and destroys it with itself. */
  readonly device?: Device;
  /** Bytes of GPU memory that may be allocated on a device that the model opens. */
  readonly memoryBudget?: number;
  /** For a name on the Hub: token, revision, cache, progress of the download, a signal that ends it. */
  readonly hub?: HubOptions;
}

/** Vectors to add while a model runs. */
export interface SteeringOptions {
  readonly steering?: SteeringVectors | undefined;
  /** Factor on the vectors. Default: the one that they were trained with. */
  readonly scale?: number | undefined;
  /** Use vectors that were trained on another model of the same shape; otherwise they are refused. */
  readonly force?: boolean | undefined;
  /** What the result could be misread without: that vectors were forced, or do not say which model they belong to. */
  readonly onWarning?: ((line: string) => void) | undefined;
}

/** What `SteerableModel.generate` gives. */
export interface Generated {
  readonly text: string;
  readonly promptIds: readonly number[];
  /** The sampled ids, a closing end-of-sequence token included. */
  readonly ids: readonly number[];
  /** `stop`: an end-of-sequence token or a stop text; `length`: cut off at `maxNewTokens`. */
  readonly finishReason: 'stop' | 'length';
}

export interface EvaluateModelOptions
  extends SteeringOptions,
    Partial<
      Pick<
        EvaluateOptions,
        'answer' | 'also' | 'maxNewTokens' | 'seed' | 'temperature' | 'samples' | 'ks' | 'modes' | 'stop' | 'signal'
      >
    > {
  /**
   * A preset (`qa`, `user-assistant`, `chat`, `gsm8k`, `math`), a text with `{question}` in it, or a specification; it says how
   * answers are found where `answer` does not.
   */
  readonly prompt?: string | PromptSpec | undefined;
  readonly onProgress?: EvaluateOptions['onProgress'];
}

/** A frozen model on the GPU, with its tokenizer: generates, is measured, and is what `train` trains vectors for. */
export class SteerableModel {
  /** The parts, for the functions of the engine itself (`generate`, `evaluate`, `runExperiment`). */
  readonly lm: LanguageModel;
  readonly #ownsDevice: boolean;

  constructor(lm: LanguageModel, ownsDevice: boolean) {
    this.lm = lm;
    this.#ownsDevice = ownsDevice;
  }

  /** What the files are called. */
  get name(): string {
    return this.lm.name;
  }

  /** The configuration, under the keys of Hugging Face's config.json. */
  get config(): ModelConfig {
    return this.lm.model.config;
  }

  /** The name of the adapter that computes. */
  get adapter(): string {
    return this.device.caps.adapter;
  }

  get device(): Device {
    return this.lm.model.device;
  }

  /**
   * The continuation of a prompt, piece by piece as it is sampled; ending the loop early ends the work.
   *
   * @param prompt a text to continue as it stands, or messages for the model's chat template
   * @throws UserError where the prompt is empty, fills the context, or there is no chat template; the signal's reason when aborted
   */
  async *stream(
    prompt: Prompted,
    options: TextOptions & SteeringOptions = {},
  ): AsyncGenerator<string, void, undefined> {
    for await (const event of this.#events(prompt, options)) if (event.type === 'text') yield event.text;
  }

  /** The whole continuation of a prompt. @throws as `stream` does */
  async generate(prompt: Prompted, options: TextOptions & SteeringOptions = {}): Promise<Generated> {
    for await (const event of this.#events(prompt, options)) if (event.type === 'end') return event.result;
    throw new Error('a generation ended without its result');
  }

  /**
   * Accuracy on problems, greedily and by sampling, each with its 95 % interval; pass@k and maj@k with several `samples`.
   *
   * @throws UserError naming the problem whose prompt does not fit the context
   */
  async evaluate(problems: readonly Problem[], options: EvaluateModelOptions = {}): Promise<Evaluation> {
    const {
      prompt,
      stop,
      steering: _vectors,
      scale: _scale,
      force: _force,
      onWarning: _warn,
      onProgress,
      ...rest
    } = options;
    const spec = promptSpec(this, prompt);
    const prompts = problems.map(asker(this.lm, spec));
    longestPrompt(prompts, this.lm.model.maxPositions);
    const [answer = 'boxed', ...also] = spec.answer ?? [];
    return this.#steered(options, (steering) =>
      evaluate(this.lm, prompts, {
        answer,
        // A rule that was chosen is not the prompt's: what the prompt reports beside its own would say nothing.
        also: rest.answer === undefined ? also : [],
        maxNewTokens: 256,
        seed: 0,
        temperature: 1,
        ...rest,
        stop: stop ?? spec.stop,
        steering,
        ...(onProgress && { onProgress }),
      }),
    );
  }

  /**
   * What each vector says: the tokens whose rows of the unembedding it points to most and least, by dot product and by
   * cosine, without the final norm's weight (the paper's lens, `W_U · s_l`) and with it.
   */
  async lens(vectors: SteeringVectors, count: { top?: number; bottom?: number } = {}): Promise<Lens> {
    checkSteering({ ...this.lm.model, name: this.name }, vectors.file, 'the vectors');
    return readVectors(this.lm, vectors.data, { top: count.top ?? 10, bottom: count.bottom ?? 0 });
  }

  /** Frees the weights, and the device where the model opened it. */
  dispose(): void {
    this.lm.model.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #events(prompt: Prompted, options: TextOptions & SteeringOptions): AsyncGenerator<TextEvent, void, undefined> {
    return streamText(this.lm, prompt, options, (work) => this.#steered(options, work));
  }

  /** Runs work with the vectors on the device, and frees them after it. */
  async #steered<T>(
    { steering: vectors, scale, force, onWarning }: SteeringOptions,
    work: (steering: ReturnType<typeof uploadSteering> | undefined) => Promise<T>,
  ): Promise<T> {
    if (!vectors) return work(undefined);
    const warning = checkSteering({ ...this.lm.model, name: this.name }, vectors.file, 'the vectors', force);
    if (warning !== undefined) onWarning?.(warning);
    const steering = uploadSteering(this.device, this.config, vectors.file, scale ?? vectors.scale, 'the vectors');
    try {
      return await work(steering);
    } finally {
      this.device.arena.free(steering.tensor);
    }
  }
}

/** A preset, a template or a specification; what the model suggests where nothing is said. @throws UserError */
export function promptSpec(model: SteerableModel, prompt: string | PromptSpec | undefined): PromptSpec {
  if (typeof prompt === 'object') return prompt;
  return resolvePrompt(prompt, model.lm.tokenizer.hasChatTemplate, ', and is no specification as parsePrompt gives it');
}

/**
 * Opens a model and uploads its weights.
 *
 * @param from a folder or a .gguf file by path (Node) or URL (browser), a name on the Hugging Face Hub (`owner/name`,
 *   `owner/name:Q4_K_M`), or an opened folder or file
 * @throws UserError for anything wrong with the files, for a model that does not fit, and where there is no adapter
 */
export async function loadModel(
  from: string | ModelFolder | RandomAccess,
  options: LoadModelOptions = {},
): Promise<SteerableModel> {
  const { device: shared, memoryBudget, hub, ...load } = options;
  const files = typeof from === 'string' ? await findModel(from, hub) : from;
  const device = shared ?? (await openDevice(await createGPU(), memoryBudget === undefined ? {} : { memoryBudget }));
  try {
    return new SteerableModel(await openLanguageModel(device, files, load), shared === undefined);
  } catch (error) {
    if (!shared) device.destroy();
    throw error;
  }
}
