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
