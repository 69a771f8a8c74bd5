import { readFile } from '#platform';
import { decodeSteering, encodeSteering, rowNorms, type SteeringFile, steeringScale } from '../model/steering.ts';

/** Trained steering vectors on the host: what `train` returns, files hold, and generation adds. */
export class SteeringVectors {
  readonly file: SteeringFile;

  constructor(file: SteeringFile) {
    this.file = file;
  }

  /** Row-major [L, C], f32: row l is added to the residual stream after layer l. */
  get data(): Float32Array {
    return this.file.vectors;
  }

  /** [L, C] */
  get shape(): readonly [number, number] {
    return [this.file.numLayers, this.file.hiddenSize];
  }

  /** The factor that the vectors were trained with. @throws UserError where the file's metadata has one that is no number */
  get scale(): number {
    return steeringScale(this.file, 'These vectors');
  }

  /** Euclidean norm of each layer's vector. */
  norms(): number[] {
    return rowNorms(this.data, this.shape[0]);
  }

  /** The bytes of a safetensors file: one tensor `steering` [L, C], the model's identity in its metadata. */
  toBytes(): Uint8Array {
    return encodeSteering(this.file);
  }
}

/**
 * Reads vectors from a path, a URL or the bytes of a safetensors file.
 * @throws UserError naming the file if it is missing or holds no steering vectors
 */
export async function loadVectors(from: string | Uint8Array): Promise<SteeringVectors> {
  const bytes = typeof from === 'string' ? await readFile(from) : from;
  return new SteeringVectors(decodeSteering(bytes, typeof from === 'string' ? from : 'the vectors'));
}
