/** Types of single elements. `f16` and `bf16` are decoded in the kernels; sums are always f32. */
export type ElementType = 'f32' | 'u32' | 'f16' | 'bf16';

/** GGML's block formats, of frozen matrices only, decoded in the kernels. */
export type QuantType = 'q4_0' | 'q4_1' | 'q5_0' | 'q5_1' | 'q8_0' | 'q4_k' | 'q5_k' | 'q6_k';

export type DType = ElementType | QuantType;

export const DTYPE_BYTES: Record<ElementType, number> = { f32: 4, u32: 4, f16: 2, bf16: 2 };

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
