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

/** @throws UserError naming `where` if it is no steering file. */
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
  return { vectors: steering.data as Float32Array, numLayers, hiddenSize, metadata };
}

/** @throws UserError when vectors were made for another shape of model. */
export function checkSteering(
  config: { num_hidden_layers: number; hidden_size: number },
  file: SteeringFile,
  where: string,
): void {
  if (file.numLayers !== config.num_hidden_layers || file.hiddenSize !== config.hidden_size) {
    throw new UserError(
      `${where} holds vectors for ${file.numLayers} layers of ${file.hiddenSize}, but this model has ` +
        `${config.num_hidden_layers} layers of ${config.hidden_size}. Use the model that they were trained on` +
        `${file.metadata.model ? ` (${file.metadata.model})` : ''}.`,
    );
  }
}

/** Uploads vectors for a model. @throws UserError when they were made for another shape of model. */
export function uploadSteering(
  device: Device,
  config: { num_hidden_layers: number; hidden_size: number },
  file: SteeringFile,
  scale: number,
  where: string,
): Steering {
  checkSteering(config, file, where);
  return { tensor: device.upload(file.vectors, [file.numLayers, file.hiddenSize], 'f32', 'steering'), scale };
}
