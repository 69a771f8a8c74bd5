// GGML's block formats. A tile is four rows by one of the file's blocks of columns (32, or 256 of the K formats), its parts
// permuted so that a 4 x 4 block takes few aligned loads: scales of the four rows side by side, a block's quants in a
// word for each row, or two rows a word where they have four bits. An element is `d * (q - zero)` or `d * q + m`; every
// product is exact in f32, so a weight has the same bits as in the reference reader.

/** What the four rows of a block share over their columns. */
struct RowScales { d: vec4f, m: vec4f }

alias WeightScales = RowScales;
alias WeightRows = WeightTile;

/** The lowest bit of a word's four bytes. */
const BYTE_UNITS = vec4u(1u, 0x100u, 0x10000u, 0x1000000u);

/**
 * Numbers from the bits of a word's four bytes that a mask has left in their places, `unit` being what the lowest bit of a
 * byte stands for. Exact, and without shifts, which cost much where they are done lane by lane. Processors convert signed
 * numbers alone; only the last byte may reach the sign.
 */
fn levels_of(bits: vec4u, unit: f32) -> vec4f {
  return vec4f(vec3f(bitcast<vec3i>(bits.xyz)), f32(bits.w)) * (vec4f(1.0, 0x1p-8, 0x1p-16, 0x1p-24) * unit);
}

fn bytes_of(word: u32) -> vec4f { return levels_of(vec4u(word) & (255u * BYTE_UNITS), 1.0); }

/** Levels of four rows, from nibbles: rows 0 and 2 in the low halves of the two words' bytes, rows 1 and 3 in the high ones. */
fn nibble_levels(q: vec2u) -> mat4x4f {
  return mat4x4f(
    levels_of(q.xxxx & (0x0fu * BYTE_UNITS), 1.0),
    levels_of(q.xxxx & (0xf0u * BYTE_UNITS), 0x1p-4),
    levels_of(q.yyyy & (0x0fu * BYTE_UNITS), 1.0),
    levels_of(q.yyyy & (0xf0u * BYTE_UNITS), 0x1p-4));
}

fn nibble_row(q: vec2u, r: u32) -> u32 { return (q[r >> 1u] >> ((r & 1u) * 4u)) & 0x0f0f0f0fu; }

/**
 * 16 where a fifth bit of the four rows of block b is set: those of two neighbouring blocks share a word, a row's four bits
 * a byte apart.
 */
fn fifth_levels(word: u32, b: u32) -> mat4x4f {
  let bits = vec4u(select(word, word * 16u, (b & 1u) == 0u));
  return mat4x4f(
    levels_of(bits & (16u * BYTE_UNITS), 1.0),
    levels_of(bits & (32u * BYTE_UNITS), 0.5),
    levels_of(bits & (64u * BYTE_UNITS), 0.25),
    levels_of(bits & (128u * BYTE_UNITS), 0.125));
}

fn fifth_bits_row(word: u32, b: u32, r: u32) -> u32 {
  return ((word >> (r + (b & 1u) * 4u)) & 0x01010101u) << 4u;
}

/** f16 scales of four rows. */
fn four_scales(d: vec2u) -> vec4f { return vec4f(unpack2x16float(d.x), unpack2x16float(d.y)); }

fn one_scale(d: vec2u, r: u32) -> f32 { return unpack2x16float(d[r >> 1u])[r & 1u]; }

/** A pair of f16 for each of four rows: scale and minimum. */
fn scale_pairs(dm: vec4u) -> RowScales {
  let a = unpack2x16float(dm.x);
  let b = unpack2x16float(dm.y);
  let c = unpack2x16float(dm.z);
  let d = unpack2x16float(dm.w);
  return RowScales(vec4f(a.x, b.x, c.x, d.x), vec4f(a.y, b.y, c.y, d.y));
}

fn element_row(levels: vec4f, d: f32, m: f32) -> vec4f {
  if (WEIGHT_HAS_MIN) { return d * levels + m; }
  return d * (levels - WEIGHT_ZERO);
}

fn weight_block(i: u32, s: WeightScales) -> mat4x4f {
  let levels = weight_levels(i);
  return mat4x4f(
    element_row(levels[0], s.d.x, s.m.x),
    element_row(levels[1], s.d.y, s.m.y),
    element_row(levels[2], s.d.z, s.m.z),
    element_row(levels[3], s.d.w, s.m.w));
}

fn weight_row(i: u32, r: u32) -> vec4f {
  let s = weight_row_scales(i, r);
  return element_row(bytes_of(weight_row_quants(i, r)), s.x, s.y);
}
