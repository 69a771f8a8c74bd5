import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { parseSafetensors, writeSafetensors } from './safetensors.ts';

/** The vectors as a forward pass uses them: `resid_post[l] += scale * tensor[l]` at every position. */
export interface Steering {
  /** [L, C], f32. */
  readonly tensor: Tensor;
  readonly scale: number;
}

/** Steering vectors as they are kept on disk. */
export interface SteeringFile {
  /** Row-major [L, C]. */
  readonly vectors: Float32Array;
  readonly numLayers: number;
  readonly hiddenSize: number;
  /** `model` (identity of the base model), `site`, `scale`, and the run's configuration as JSON. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Safetensors with one tensor `steering` [L, C], F32. */
export function encodeSteering(file: SteeringFile): Uint8Array {
  return writeSafetensors(
    [{ name: 'steering', dtype: 'F32', shape: [file.numLayers, file.hiddenSize], data: file.vectors }],
    { site: 'resid_post', ...file.metadata },
  );
}

/** @throws UserError naming `where` if it is no steering file, or holds numbers that are not finite. */
export function decodeSteering(bytes: Uint8Array, where: string): SteeringFile {
  const { tensors, metadata } = parseSafetensors(bytes, where);
  const steering = tensors.get('steering');
  if (steering?.dtype !== 'F32' || steering.shape.length !== 2) {
    const shown = [...tensors].slice(0, 3).map(([name, t]) => `${name} ${t.dtype} [${t.shape.join(', ')}]`);
    throw new UserError(
      `${where} holds no steering vectors: expected a tensor "steering" [layers, hidden_size] of F32, ` +
        `found ${shown.join('; ') || 'nothing'}${tensors.size > shown.length ? ` and ${tensors.size - shown.length} more` : ''}.`,
    );
  }
  const [numLayers, hiddenSize] = steering.shape as [number, number];
  const vectors = steering.data as Float32Array;
  const odd = vectors.findIndex((x) => !Number.isFinite(x));
  if (odd >= 0) {
    throw new UserError(
      `${where} is broken: number ${odd % hiddenSize} of layer ${Math.floor(odd / hiddenSize)} is ${vectors[odd]}. ` +
        'Take the vectors of an earlier step, or train again.',
    );
  }
  return { vectors, numLayers, hiddenSize, metadata };
}

/** What a file says that its vectors are multiplied by; 1 where it says nothing. @throws UserError where that is no number */
export function steeringScale({ metadata }: SteeringFile, where: string): number {
  const { scale = '1' } = metadata;
  const number = scale.trim() === '' ? Number.NaN : Number(scale);
  if (Number.isFinite(number)) return number;
  throw new UserError(`${where}: scale in its metadata is ${scale}, no number. Take the file again.`);
}

/**
 * Do these vectors belong to this model? The shape must fit; the fingerprint in their metadata (`model`, the identity of the
 * model that they were trained on) must be the model's, unless `force` is set.
 *
 * @returns what has to be said with every result: vectors of another model were forced, or carry no fingerprint
 * @throws UserError when they were made for another shape of model, or for another model and are not forced
 */
export function checkSteering(
  model: { config: SteeredShape; identity: string; name: string },
  file: SteeringFile,
  where: string,
  force = false,
): string | undefined {
  checkShape(model.config, file, where);
  const trainedOn = file.metadata.model;
  if (trainedOn === undefined)
    return `${where} does not say which model its vectors are of: that they belong to ${model.name} was not checked.`;
  if (trainedOn === model.identity) return undefined;
  const differs =
    `${where} holds vectors of another model than ${model.name}, of the same shape ` +
    `(fingerprint ${short(trainedOn)}, this model's is ${short(model.identity)})`;
  if (force) return `${differs}; used all the same, as --force asks.`;
  throw new UserError(
    `${differs}. Other weights, another type of weights (f16, a quantised file) or another configuration give another fingerprint. ` +
      'Use the model that they were trained on, or --force to use them all the same.',
  );
}

interface SteeredShape {
  readonly num_hidden_layers: number;
  readonly hidden_size: number;
}

function short(identity: string): string {
  return identity.length > 12 ? `${identity.slice(0, 12)}…` : identity;
}

function checkShape(config: SteeredShape, file: SteeringFile, where: string): void {
  if (file.numLayers === config.num_hidden_layers && file.hiddenSize === config.hidden_size) return;
  throw new UserError(
    `${where} holds vectors for ${file.numLayers} layers of ${file.hiddenSize}, but this model has ` +
      `${config.num_hidden_layers} layers of ${config.hidden_size}. Use the model that they were trained on` +
      `${file.metadata.model ? ` (fingerprint ${short(file.metadata.model)})` : ''}.`,
  );
}

/** Uploads vectors for a model. @throws UserError when they were made for another shape of model. */
export function uploadSteering(
  device: Device,
  config: SteeredShape,
  file: SteeringFile,
  scale: number,
  where: string,
): Steering {
  checkShape(config, file, where);
  return { tensor: device.upload(file.vectors, [file.numLayers, file.hiddenSize], 'f32', 'steering'), scale };
}

/** Euclidean norm of each of the `rows` vectors that lie end to end. */
export function rowNorms(vectors: Float32Array, rows: number): number[] {
  const width = vectors.length / rows;
  return Array.from({ length: rows }, (_, i) =>
    Math.sqrt(vectors.subarray(i * width, (i + 1) * width).reduce((sum, x) => sum + x * x, 0)),
  );
}
