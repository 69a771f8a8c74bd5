/** GGML's block formats read element by element, as ggml-quants.c's dequantize_row functions do, in f64. */

interface Format {
  readonly elements: number;
  readonly bytes: number;
  /** Offsets of f16 numbers in a block. */
  readonly halves: readonly number[];
  readonly value: (block: DataView, i: number) => number;
}

function half(block: DataView, at: number): number {
  const bits = block.getUint16(at, true);
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** Element i of 32 in 16 bytes: low halves first, then the high ones. */
function nibble32(block: DataView, at: number, i: number): number {
  const byte = block.getUint8(at + (i % 16));
  return i < 16 ? byte & 15 : byte >> 4;
}

/** Element i of 256 in 128 bytes: 32 low halves, then the high halves of the same bytes. */
function nibbleK(block: DataView, at: number, i: number): number {
  const byte = block.getUint8(at + 32 * Math.floor(i / 64) + (i % 32));
  return i % 64 < 32 ? byte & 15 : byte >> 4;
}

function bit(block: DataView, at: number, i: number): number {
  return (block.getUint32(at, true) >>> i) & 1;
}

/** The 6-bit scale and minimum j of eight, in 12 bytes. */
function scaleAndMin(block: DataView, at: number, j: number): [number, number] {
  const q = (k: number) => block.getUint8(at + k);
  if (j < 4) return [q(j) & 63, q(j + 4) & 63];
  return [(q(j + 4) & 15) | ((q(j - 4) >> 6) << 4), (q(j + 4) >> 4) | ((q(j) >> 6) << 4)];
}

const FORMATS: Readonly<Record<string, Format>> = {
  q4_0: { elements: 32, bytes: 18, halves: [0], value: (b, i) => half(b, 0) * (nibble32(b, 2, i) - 8) },
  q4_1: { elements: 32, bytes: 20, halves: [0, 2], value: (b, i) => half(b, 0) * nibble32(b, 4, i) + half(b, 2) },
  q5_0: {
    elements: 32,
    bytes: 22,
    halves: [0],
    value: (b, i) => half(b, 0) * (nibble32(b, 6, i) + 16 * bit(b, 2, i) - 16),
  },
  q5_1: {
    elements: 32,
    bytes: 24,
    halves: [0, 2],
    value: (b, i) => half(b, 0) * (nibble32(b, 8, i) + 16 * bit(b, 4, i)) + half(b, 2),
  },
  q8_0: { elements: 32, bytes: 34, halves: [0], value: (b, i) => half(b, 0) * b.getInt8(2 + i) },
  q4_k: {
    elements: 256,
    bytes: 144,
    halves: [0, 2],
    value(b, i) {
      const [scale, min] = scaleAndMin(b, 4, Math.floor(i / 32));
      return half(b, 0) * scale * nibbleK(b, 16, i) - half(b, 2) * min;
    },
  },
  q5_k: {
    elements: 256,
    bytes: 176,
    halves: [0, 2],
    value(b, i) {
      const [scale, min] = scaleAndMin(b, 4, Math.floor(i / 32));
      const high = (b.getUint8(16 + (i % 32)) >> Math.floor(i / 32)) & 1;
      return half(b, 0) * scale * (nibbleK(b, 48, i) + 16 * high) - half(b, 2) * min;
    },
  },
  q6_k: {
    elements: 256,
    bytes: 210,
    halves: [208],
    value(b, i) {
      const [part, l] = [Math.floor(i / 128), i % 32];
      const quarter = Math.floor((i % 128) / 32);
      const low = b.getUint8(64 * part + 32 * (quarter % 2) + l);
      const high = (b.getUint8(128 + 32 * part + l) >> (2 * quarter)) & 3;
      const q = (quarter < 2 ? low & 15 : low >> 4) + 16 * high - 32;
      return half(b, 208) * b.getInt8(192 + Math.floor(i / 16)) * q;
    },
  },
};

export const QUANTS = Object.keys(FORMATS);

/** The numbers of consecutive blocks, each rounded to f32 once. */
export function dequantise(bytes: Uint8Array, dtype: string): Float64Array {
  const { elements, bytes: size, value } = FORMATS[dtype] as Format;
  const out = new Float64Array((bytes.length / size) * elements);
  for (let i = 0; i < out.length; i++) {
    const block = new DataView(bytes.buffer, bytes.byteOffset + Math.floor(i / elements) * size, size);
    out[i] = Math.fround(value(block, i % elements));
  }
  return out;
}

/** Blocks of `elements` numbers: every bit random but for the scales, which are of either sign and of the order of 2^-6. */
export function randomBlocks(elements: number, dtype: string, integer: (below: number) => number): Uint8Array {
  const { elements: each, bytes: size, halves } = FORMATS[dtype] as Format;
  const bytes = Uint8Array.from({ length: (elements / each) * size }, () => integer(256));
  for (let at = 0; at < bytes.length; at += size) {
    // Exponent 2^-9 to 2^-6, any sign and fraction.
    for (const h of halves) bytes[at + h + 1] = (integer(2) << 7) | ((6 + integer(4)) << 2) | integer(4);
  }
  return bytes;
}
