import type { Model } from '../../src/model/model.ts';
import { type Steering, uploadSteering } from '../../src/model/steering.ts';

/** The vectors that the views work with: of the run that trains or was opened last, or of a file. */
export interface CurrentVectors {
  /** The run's, or the file's. */
  readonly name: string;
  readonly layers: number;
  readonly hiddenSize: number;
  /** [layers, hiddenSize], lowest layer first. */
  readonly values: Float32Array;
  /** What a vector is multiplied by where it is added. */
  readonly scale: number;
}

/** Runs `work` with vectors on the GPU, multiplied by `strength` beside their own scale. */
export async function withVectors<T>(
  model: Model,
  { name, layers: numLayers, hiddenSize, values, scale }: CurrentVectors,
  strength: number,
  work: (steering: Steering) => Promise<T>,
): Promise<T> {
  const file = { vectors: values, numLayers, hiddenSize, metadata: {} };
  const steering = uploadSteering(model.device, model.config, file, scale * strength, name);
  try {
    return await work(steering);
  } finally {
    model.device.arena.free(steering.tensor);
  }
}
