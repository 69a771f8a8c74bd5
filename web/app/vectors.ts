import { signal } from '@preact/signals';

/** What the page knows of the vectors that the worker's session holds (`session.vectors`). */
export interface VectorsInfo {
  /** The run's, or the file's. */
  readonly name: string;
  /** Steps that they were trained for; undefined where that is not known. */
  readonly step?: number;
  /** Euclidean norm of each layer's vector, lowest layer first. */
  readonly norms: readonly number[];
}

/** Set after each step of training, when a run is opened, and when Steer loads a file. */
export const vectors = signal<VectorsInfo | undefined>(undefined);
