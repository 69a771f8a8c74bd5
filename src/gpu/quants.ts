/**
 * GGML's block formats (ggml-common.h, ggml-quants.c) permuted into the tiles that shaders/weights/ reads: four rows by a
 * block of the file, everything word-aligned, every bit of the quants and scales kept.
 */
import type { QuantType } from './tensor.ts';

/** Puts one block of a file, at byte `at`, into row r of a tile that begins at word `to`. */
type Packer = (source: Uint8Array, at: number, target: Uint32Array, to: number, r: number) => void;

interface Layout {
  readonly columns: number;
  /** Of a block in the file. */
  readonly bytes: number;
  /** Of a tile on the device. */
  readonly words: number;
  readonly pack: Packer;
}

function u16(source: Uint8Array, at: number): number {
  return (source[at] as number) | ((source[at + 1] as number) << 8);
}

function u32(source: Uint8Array, at: number): number {
  return u16(source, at) | (u16(source, at + 2) << 16);
}

function or(target: Uint32Array, at: number, bits: number): void {
  target[at] = (target[at] as number) | bits;
}

/** Four nibbles, one a byte, as row r of the block whose two words begin at `to`. */
function putNibbles(target: Uint32Array, to: number, r: number, nibbles: number): void {
  or(target, to + (r >> 1), nibbles << (4 * (r & 1)));
}

/** One f16 of each row, two to a word. */
function putScale(target: Uint32Array, to: number, r: number, half: number): void {
  or(target, to + (r >> 1), half << (16 * (r & 1)));
}

/** Sixteen bytes of nibbles: element i in the low half of byte i, element i + 16 in the high one. */
function putNibbles32(source: Uint8Array, at: number, target: Uint32Array, to: number, r: number): void {
  for (let b = 0; b < 4; b++) {
    const four = u32(source, at + 4 * b);
    putNibbles(target, to + 2 * b, r, four & 0x0f0f0f0f);
    putNibbles(target, to + 2 * (b + 4), r, (four >>> 4) & 0x0f0f0f0f);
  }
}

/** Fifth bits of block b, one a byte: two blocks share a word. */
function putFifths(target: Uint32Array, to: number, b: number, r: number, bits: number): void {
  or(target, to + (b >> 1), bits << (r + 4 * (b & 1)));
}

/** Fifth bits of 32 elements, element i in bit i. */
function putFifths32(bits: number, target: Uint32Array, to: number, r: number): void {
  for (let b = 0; b < 8; b++) putFifths(target, to, b, r, (((bits >>> (4 * b)) & 15) * 0x204081) & 0x01010101);
}

/** Eight 6-bit scales and minima in twelve bytes (get_scale_min_k4), into bytes r of their words. */
function putKFactors(source: Uint8Array, at: number, target: Uint32Array, to: number, r: number): void {
  const byte = (i: number) => source[at + i] as number;
  for (let s = 0; s < 8; s++) {
    const scale = s < 4 ? byte(s) & 63 : (byte(s + 4) & 15) | ((byte(s - 4) >> 6) << 4);
    const min = s < 4 ? byte(s + 4) & 63 : (byte(s + 4) >> 4) | ((byte(s) >> 6) << 4);
    or(target, to + 2 * s, scale << (8 * r));
    or(target, to + 2 * s + 1, min << (8 * r));
  }
}

/** 128 bytes of nibbles: 32 low halves, then the same bytes' high halves, are 64 elements. */
function putNibblesK(source: Uint8Array, at: number, target: Uint32Array, to: number, r: number): void {
  for (let b = 0; b < 64; b++) {
    const four = u32(source, at + 32 * (b >> 4) + 4 * (b & 7));
    putNibbles(target, to + 2 * b, r, (four >>> (4 * ((b >> 3) & 1))) & 0x0f0f0f0f);
  }
}

const LAYOUTS: Readonly<Record<QuantType, Layout>> = {
  q4_0: {
    columns: 32,
    bytes: 18,
    words: 18,
    pack(source, at, target, to, r) {
      putScale(target, to, r, u16(source, at));
      putNibbles32(source, at + 2, target, to + 2, r);
    },
  },
  q4_1: {
    columns: 32,
    bytes: 20,
    words: 20,
    pack(source, at, target, to, r) {
      target[to + r] = u32(source, at);
      putNibbles32(source, at + 4, target, to + 4, r);
    },
  },
  q5_0: {
    columns: 32,
    bytes: 22,
    words: 22,
    pack(source, at, target, to, r) {
      putScale(target, to, r, u16(source, at));
      putFifths32(u32(source, at + 2), target, to + 2, r);
      putNibbles32(source, at + 6, target, to + 6, r);
    },
  },
  q5_1: {
    columns: 32,
    bytes: 24,
    words: 24,
    pack(source, at, target, to, r) {
      target[to + r] = u32(source, at);
      putFifths32(u32(source, at + 4), target, to + 4, r);
      putNibbles32(source, at + 8, target, to + 8, r);
    },
  },
  q8_0: {
    columns: 32,
    bytes: 34,
    words: 34,
    pack(source, at, target, to, r) {
      putScale(target, to, r, u16(source, at));
      for (let b = 0; b < 8; b++) target[to + 2 + 4 * b + r] = u32(source, at + 2 + 4 * b) ^ 0x80808080;
    },
  },
  q4_k: {
    columns: 256,
    bytes: 144,
    words: 148,
    pack(source, at, target, to, r) {
      target[to + r] = u32(source, at);
      putKFactors(source, at + 4, target, to + 4, r);
      putNibblesK(source, at + 16, target, to + 20, r);
    },
  },
  q5_k: {
    columns: 256,
    bytes: 176,
    words: 180,
    pack(source, at, target, to, r) {
      target[to + r] = u32(source, at);
      putKFactors(source, at + 4, target, to + 4, r);
      // Bit s of byte l belongs to element l of the 32 elements s.
      for (let b = 0; b < 64; b++) {
        putFifths(target, to + 20, b, r, (u32(source, at + 16 + 4 * (b & 7)) >>> (b >> 3)) & 0x01010101);
      }
      putNibblesK(source, at + 48, target, to + 52, r);
    },
  },
  q6_k: {
    columns: 256,
    bytes: 210,
    words: 210,
    pack(source, at, target, to, r) {
      putScale(target, to, r, u16(source, at + 208));
      for (let s = 0; s < 16; s++) or(target, to + 2 + s, ((source[at + 192 + s] as number) ^ 0x80) << (8 * r));
      for (let b = 0; b < 64; b++) {
        // Half, then quarter of the half: 32 elements; a byte of `low` serves two quarters, one of `high` all four.
        const [half, quarter, l] = [b >> 5, (b >> 3) & 3, 4 * (b & 7)];
        const low = u32(source, at + 64 * half + 32 * (quarter & 1) + l) >>> (4 * (quarter >> 1));
        const high = u32(source, at + 128 + 32 * half + l) >>> (2 * quarter);
        or(target, to + 18 + b, (high & 0x03030303) << (2 * r));
        putNibbles(target, to + 82 + 2 * b, r, low & 0x0f0f0f0f);
      }
    },
  },
};

/** As `packRows`, for the block formats. */
export function packQuants(
  source: Uint8Array,
  rows: number,
  columns: number,
  dtype: QuantType,
  target: Uint8Array,
  firstRow: number,
): void {
  const { columns: blockColumns, bytes, words, pack } = LAYOUTS[dtype];
  const blocks = columns / blockColumns;
  const tiles = new Uint32Array(target.buffer, target.byteOffset, target.byteLength / 4);
  for (let r = 0; r < rows; r++) {
    const row = firstRow + r;
    const base = (row >> 2) * blocks * words;
    for (let b = 0; b < blocks; b++) pack(source, (r * blocks + b) * bytes, tiles, base + b * words, row & 3);
  }
}
