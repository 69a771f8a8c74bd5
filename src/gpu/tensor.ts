/** Storage types. `f16` and `bf16` are decoded in the kernels; sums are always f32. */
export type DType = 'f32' | 'u32' | 'f16' | 'bf16';

export const DTYPE_BYTES: Record<DType, number> = { f32: 4, u32: 4, f16: 2, bf16: 2 };

/** A shaped view of a whole GPU buffer, row-major from its first byte; the buffer may be longer than `bytes`. */
export interface Tensor {
  readonly buffer: GPUBuffer;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly bytes: number;
  readonly label: string;
}

export function numel(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Rounds up to a multiple. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
