/**
 * Frozen matrices as the kernels read them: 4 x 4 blocks, block (r4, c4) at index r4 * ceil(columns/4) + c4, so that one
 * layout serves `x Wᵀ`, `dy W` and the gather of rows. f32, f16 and bf16 keep a block's 16 numbers together; the block
 * formats of GGML keep a tile of 4 rows by a block of the file together (quants.ts). Nothing is converted.
 */
import { packQuants } from './quants.ts';
import type { DType, ElementType, QuantType } from './tensor.ts';

/** Types that a frozen matrix can have. */
export type WeightType = Exclude<ElementType, 'u32'> | QuantType;

interface Format {
  /** Columns that are stored together; a quantised matrix has a multiple of them. */
  readonly columns: number;
  /** Bytes of that many elements of one row in a file. */
  readonly bytes: number;
  /** Bytes of four such rows on the device. */
  readonly tile: number;
}

const FORMATS: Readonly<Record<WeightType, Format>> = {
  f32: { columns: 4, bytes: 16, tile: 64 },
  f16: { columns: 4, bytes: 8, tile: 32 },
  bf16: { columns: 4, bytes: 8, tile: 32 },
  q4_0: { columns: 32, bytes: 18, tile: 72 },
  q4_1: { columns: 32, bytes: 20, tile: 80 },
  q5_0: { columns: 32, bytes: 22, tile: 88 },
  q5_1: { columns: 32, bytes: 24, tile: 96 },
  q8_0: { columns: 32, bytes: 34, tile: 136 },
  q4_k: { columns: 256, bytes: 144, tile: 592 },
  q5_k: { columns: 256, bytes: 176, tile: 720 },
  q6_k: { columns: 256, bytes: 210, tile: 840 },
};

export const WEIGHT_TYPES = Object.keys(FORMATS) as WeightType[];

export function isWeightType(dtype: DType): dtype is WeightType {
  return Object.hasOwn(FORMATS, dtype);
}

export function isQuantised(dtype: DType): dtype is QuantType {
  return dtype.startsWith('q');
}

/** Columns that are stored together: the row of a matrix in a file has a multiple of them where the type is quantised. */
export function blockColumns(dtype: WeightType): number {
  return isQuantised(dtype) ? FORMATS[dtype].columns : 1;
}

/** Bytes of `elements` neighbouring elements of a row in a file. */
export function storedBytes(elements: number, dtype: WeightType): number {
  return (elements / FORMATS[dtype].columns) * FORMATS[dtype].bytes;
}

/** Bytes of one 4 x 4 block on the device, its share of the scales included. */
export function blockBytes(dtype: DType): number {
  if (!isWeightType(dtype)) throw new Error(`${dtype} is no type of a frozen matrix`);
  const { tile, columns } = FORMATS[dtype];
  return (4 * tile) / columns;
}

/** Bytes of a matrix on the device, edges padded. */
export function blockedBytes(rows: number, columns: number, dtype: WeightType): number {
  const format = FORMATS[dtype];
  return Math.ceil(rows / 4) * Math.ceil(columns / format.columns) * format.tile;
}

/**
 * Packs rows of a matrix, as a file has them, into the blocks of its rows `firstRow` and on.
 * @param source [rows, columns] row-major, the first byte aligned for every typed array
 * @param target blocks from row 0 on, zeros where nothing has been packed
 */
export function packRows(
  source: Uint8Array,
  rows: number,
  columns: number,
  dtype: WeightType,
  target: Uint8Array,
  firstRow = 0,
): void {
  if (isQuantised(dtype)) {
    packQuants(source, rows, columns, dtype, target, firstRow);
  } else if (dtype === 'f32') {
    packElements(words(Float32Array, source), rows, columns, words(Float32Array, target), firstRow);
  } else if (columns % 4 === 0) {
    // Two elements at a time.
    packPairs(words(Uint32Array, source), rows, columns, words(Uint32Array, target), firstRow);
  } else {
    packElements(words(Uint16Array, source), rows, columns, words(Uint16Array, target), firstRow);
  }
}

function words<T>(
  type: { new (buffer: ArrayBufferLike, at: number, length: number): T; BYTES_PER_ELEMENT: number },
  of: Uint8Array,
): T {
  return new type(of.buffer, of.byteOffset, of.byteLength / type.BYTES_PER_ELEMENT);
}

function packElements<T extends Float32Array | Uint16Array>(
  source: T,
  rows: number,
  columns: number,
  target: T,
  firstRow: number,
): void {
  const blocksOfRow = Math.ceil(columns / 4);
  for (let r = 0; r < rows; r++) {
    const row = firstRow + r;
    const base = (row >> 2) * blocksOfRow * 16 + (row & 3) * 4;
    for (let c = 0; c < columns; c++) target[base + (c >> 2) * 16 + (c & 3)] = source[r * columns + c] as number;
  }
}

function packPairs(source: Uint32Array, rows: number, columns: number, target: Uint32Array, firstRow: number): void {
  const pairs = columns / 2;
  for (let r = 0; r < rows; r++) {
    const row = firstRow + r;
    let to = (row >> 2) * pairs * 4 + (row & 3) * 2;
    const end = (r + 1) * pairs;
    for (let from = r * pairs; from < end; from += 2, to += 8) {
      target[to] = source[from] as number;
      target[to + 1] = source[from + 1] as number;
    }
  }
}
