import type { DType } from './tensor.ts';

/** Blocks of 4 x 4 elements that a matrix [rows, columns] takes, edges padded. */
export function blockCount(rows: number, columns: number): number {
  return Math.ceil(rows / 4) * Math.ceil(columns / 4);
}

/** Bytes of a matrix in the blocked layout. */
export function blockedBytes(rows: number, columns: number, dtype: DType): number {
  return blockCount(rows, columns) * (dtype === 'f32' ? 64 : 32);
}

/**
 * Packs rows of a row-major matrix [rows, columns] into 4 x 4 blocks, block (r4, c4) at index r4 * ceil(columns/4) + c4,
 * row-major inside, edges zero. Works on the stored words: nothing is converted.
 */
export function packBlocks<T extends Float32Array | Uint16Array>(
  source: T,
  rows: number,
  columns: number,
  target: T,
  firstRow = 0,
): void {
  const blockColumns = Math.ceil(columns / 4);
  for (let r = 0; r < rows; r++) {
    const row = firstRow + r;
    const base = (row >> 2) * blockColumns * 16 + (row & 3) * 4;
    for (let c = 0; c < columns; c++) target[base + (c >> 2) * 16 + (c & 3)] = source[r * columns + c] as number;
  }
}

export function f32ToBf16(value: number): number {
  F32[0] = value;
  const bits = U32[0] as number;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function bf16ToF32(bits: number): number {
  U32[0] = bits << 16;
  return F32[0] as number;
}

export function f16ToF32(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rounds to nearest even; overflow gives infinity. */
export function f32ToF16(value: number): number {
  F32[0] = value;
  const bits = U32[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(F32[0] as number);
  if (Number.isNaN(magnitude)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const scaled = roundEven((magnitude / 2 ** exponent) * 1024);
  return sign | (((exponent + 15) << 10) + scaled - 1024);
}

function roundEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1;
  return floor;
}

const F32 = new Float32Array(1);
const U32 = new Uint32Array(F32.buffer);
