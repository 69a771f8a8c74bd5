import { UserError } from '../../src/gpu/errors.ts';
import { checkSteering, decodeSteering, encodeSteering, rowNorms, steeringScale } from '../../src/model/steering.ts';
import type { Session } from './session.ts';
import type { OpenedVectors, Push, VectorsInfo } from './steer_types.ts';
import type { CurrentVectors } from './vectors.ts';

/** Vectors are small: a larger file is something else, and is not read. */
const MOST_BYTES = 64 * 2 ** 20;

/** A file's own metadata, of the vectors that the session has from it. */
interface FromFile {
  readonly values: Float32Array;
  readonly metadata: Readonly<Record<string, string>>;
  readonly warning: string | undefined;
}

/** The session's vectors as Steer works with them: opened, checked, weighed layer by layer, saved. */
export class SteerVectors {
  readonly #session: Session;
  #file: FromFile | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** @throws UserError where there are none */
  get current(): CurrentVectors {
    const { vectors } = this.#session;
    if (!vectors) throw new UserError('There are no vectors yet: train some, or open a file of them.');
    return vectors;
  }

  info(): VectorsInfo | undefined {
    const { vectors } = this.#session;
    if (!vectors) return undefined;
    const { name, layers, hiddenSize, values, scale } = vectors;
    const file = this.#fileOf(vectors);
    return {
      name,
      layers,
      hiddenSize,
      norms: rowNorms(values, layers).map((norm) => norm * Math.abs(scale)),
      fromFile: file !== undefined,
      warning: file?.warning,
      format: file && formatOf(file.metadata),
    };
  }

  /**
   * Puts a file's vectors in the place of those that are in use.
   * @param anyway use vectors that were trained on other weights of the same shape
   * @throws UserError for a file that is no vectors, is broken, or is for another shape of model
   */
  async open(file: File, anyway: boolean): Promise<OpenedVectors> {
    const { model, name: modelName } = this.#session.lm;
    if (file.size > MOST_BYTES) {
      throw new UserError(
        `${file.name} has ${Math.round(file.size / 2 ** 20)} MiB, too much for steering vectors: if it is a model, open it under Models.`,
      );
    }
    const decoded = decodeSteering(new Uint8Array(await file.arrayBuffer()), file.name);
    const warning = checkSteering({ ...model, name: modelName }, decoded, file.name, true);
    const scale = steeringScale(decoded, file.name);
    const trainedOn = decoded.metadata.model;
    const differs = trainedOn !== undefined && trainedOn !== model.identity;
    const why = differs
      ? `${file.name} was trained on other weights of the same shape (fingerprint ${trainedOn.slice(0, 12)}…, that of ${modelName} is ` +
        `${model.identity.slice(0, 12)}…): another model, or this one in another precision.`
      : warning;
    if (differs && !anyway) return { state: 'differs', why: why as string };
    const { vectors: values, numLayers: layers, hiddenSize, metadata } = decoded;
    this.#file = { values, metadata, warning: why };
    this.#session.vectors = { name: file.name, layers, hiddenSize, values, scale };
    return { state: 'opened', info: this.info() as VectorsInfo };
  }

  /** No vectors from here on, until there are others. */
  close(): void {
    this.#file = undefined;
    this.#session.vectors = undefined;
  }

  /**
   * A safetensors file of the vectors as they are, or as `push` makes them: strength and layers are multiplied into the
   * numbers, so that the file does at strength 1 what is seen now.
   */
  save(push?: Push): { readonly name: string; readonly bytes: Uint8Array } {
    const vectors = this.current;
    const { name, layers: numLayers, hiddenSize, values, scale } = vectors;
    const metadata = this.#fileOf(vectors)?.metadata ?? { model: this.#session.lm.model.identity };
    const applied = push && { strength: String(push.strength), layer_factors: push.layers.join(',') };
    const bytes = encodeSteering({
      vectors: push ? weighed(vectors, push.layers, push.strength) : values,
      numLayers,
      hiddenSize,
      metadata: { ...metadata, scale: String(scale), ...applied },
    });
    const stem = name.replace(/\.safetensors$/i, '').replace(/[^\p{L}\p{N}._-]+/gu, '-') || 'vectors';
    return { name: `${stem}${push ? '-adjusted' : ''}.safetensors`, bytes };
  }

  #fileOf(vectors: CurrentVectors): FromFile | undefined {
    return this.#file?.values === vectors.values ? this.#file : undefined;
  }
}

/** Each layer's vector times its factor and `all`, [L, C]. @throws UserError for another number of factors */
export function weighed({ values, layers, hiddenSize }: CurrentVectors, factors: readonly number[], all = 1) {
  if (factors.length !== layers)
    throw new UserError(`${factors.length} layer factors were given, and the vectors have ${layers} layers.`);
  return values.map((x, i) => x * (factors[Math.floor(i / hiddenSize)] as number) * all);
}

/** The prompt of the training that a file names in its configuration, if it says. */
function formatOf(metadata: Readonly<Record<string, string>>): string | undefined {
  try {
    const config: unknown = JSON.parse(metadata.config ?? '{}');
    const prompt = (config as { prompt?: unknown } | null)?.prompt;
    return typeof prompt === 'string' ? prompt : undefined;
  } catch {
    // A configuration that is no JSON is no reason against the vectors.
    return undefined;
  }
}
