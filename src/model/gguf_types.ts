/** What GGUF's tensor types are here, and the order of rows that llama.cpp's converter gives to q and k. */
import type { WeightType } from '../gpu/blocks.ts';

export interface GgufType {
  readonly name: string;
  readonly dtype: WeightType;
}

/** By ggml's type number. */
export const GGUF_TYPES: ReadonlyMap<number, GgufType> = new Map([
  [0, { name: 'F32', dtype: 'f32' }],
  [1, { name: 'F16', dtype: 'f16' }],
  [30, { name: 'BF16', dtype: 'bf16' }],
  [2, { name: 'Q4_0', dtype: 'q4_0' }],
  [3, { name: 'Q4_1', dtype: 'q4_1' }],
  [6, { name: 'Q5_0', dtype: 'q5_0' }],
  [7, { name: 'Q5_1', dtype: 'q5_1' }],
  [8, { name: 'Q8_0', dtype: 'q8_0' }],
  [12, { name: 'Q4_K', dtype: 'q4_k' }],
  [13, { name: 'Q5_K', dtype: 'q5_k' }],
  [14, { name: 'Q6_K', dtype: 'q6_k' }],
]);

/**
 * llama.cpp rotates neighbouring pairs, Hugging Face rotates (i, i + D/2): its converter permutes the rows of q and k inside
 * each head, and this puts them back. Works on rows of any format.
 * @param bytes rows [heads * headDim, rowBytes]
 */
export function unpermuteRows(bytes: Uint8Array, heads: number, headDim: number): Uint8Array {
  const rowBytes = bytes.length / (heads * headDim);
  const out = new Uint8Array(bytes.length);
  for (let h = 0; h < heads; h++) {
    for (let r = 0; r < headDim; r++) {
      const from = h * headDim + r;
      const to = h * headDim + (r % 2) * (headDim / 2) + (r >> 1);
      out.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), to * rowBytes);
    }
  }
  return out;
}
