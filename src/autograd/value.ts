import type { Tensor } from '../gpu/tensor.ts';

/** A tensor in the forward pass, counted by who still needs it: the caller, and the tape for the backward pass. */
export interface Value {
  tensor: Tensor;
  readonly requiresGrad: boolean;
  references: number;
  /** False for tensors that belong to somebody else (weights, tables), or that have no buffer: the tape never frees them. */
  owned: boolean;
}

/** The gradient of a value. Shared where two values have the same gradient, as the inputs of a sum do. */
export interface Gradient {
  tensor: Tensor;
  references: number;
}
