/** GGML's block formats (ggml-common.h: block_q4_0, block_q4_1, block_q8_0), unpacked on the host. */
import { f16ToF32 } from '../gpu/blocks.ts';

export interface GgufType {
  readonly name: string;
  /** Elements a block. */
  readonly block: number;
  readonly bytes: number;
  /** What `unpack` gives. */
  readonly dtype: 'f32' | 'f16';
}

/** By ggml's type number. */
export const GGUF_TYPES: ReadonlyMap<number, GgufType> = new Map([
  [0, { name: 'F32', block: 1, bytes: 4, dtype: 'f32' }],
  [1, { name: 'F16', block: 1, bytes: 2, dtype: 'f16' }],
  [2, { name: 'Q4_0', block: 32, bytes: 18, dtype: 'f32' }],
  [3, { name: 'Q4_1', block: 32, bytes: 20, dtype: 'f32' }],
  [8, { name: 'Q8_0', block: 32, bytes: 34, dtype: 'f32' }],
]);

/** Values in `type.dtype`: F32 and F16 as they are, blocks as f32. Every product is exact in f32, each sum rounds once. */
export function unpack(bytes: Uint8Array, type: GgufType): Uint8Array {
  if (type.block === 1) {
    return bytes;
  }
  const out = new Float32Array((bytes.length / type.bytes) * type.block);
  const halves = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, o = 0; at < bytes.length; at += type.bytes, o += type.block) {
    const d = f16ToF32(halves.getUint16(at, true));
    // Nibbles: element i is the low half of byte i, element i + 16 the high half.
    if (type.name === 'Q8_0') {
      for (let i = 0; i < 32; i++) {
        out[o + i] = d * halves.getInt8(at + 2 + i);
      }
    } else if (type.name === 'Q4_1') {
      const m = f16ToF32(halves.getUint16(at + 2, true));
      for (let i = 0; i < 16; i++) {
        const byte = bytes[at + 4 + i] as number;
        out[o + i] = d * (byte & 15) + m;
        out[o + 16 + i] = d * (byte >> 4) + m;
      }
    } else {
      for (let i = 0; i < 16; i++) {
        const byte = bytes[at + 2 + i] as number;
        out[o + i] = d * ((byte & 15) - 8);
        out[o + 16 + i] = d * ((byte >> 4) - 8);
      }
    }
  }
  return new Uint8Array(out.buffer);
}

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
