// GGML's block formats. A tile is four rows by one of the file's blocks of columns (32, or 256 of the K formats), its parts
// permuted so that a 4 x 4 block takes few aligned loads: scales of the four rows side by side, a block's quants in a
// word for each row, or two rows a word where they have four bits. An element is `d * (q - zero)` or `d * q + m`; every
// product is exact in f32, so a weight has the same bits as in the reference reader.

/** What the four rows of a block share over their columns. */
struct RowScales { d: vec4f, m: vec4f }

// Converted from signed numbers: processors have an instruction for these alone.
fn bytes_of(word: u32) -> vec4f { return vec4f(bitcast<vec4i>((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u))); }

/** Rows in bytes, from nibbles: rows 0 and 2 in the low halves of the two words' bytes, rows 1 and 3 in the high ones. */
fn nibble_rows(q: vec2u) -> vec4u { return (q.xxyy >> vec4u(0u, 4u, 0u, 4u)) & vec4u(0x0f0f0f0fu); }

fn nibble_row(q: vec2u, r: u32) -> u32 { return (q[r >> 1u] >> ((r & 1u) * 4u)) & 0x0f0f0f0fu; }

/** The fifth bits of four rows of block b: those of two neighbouring blocks share a word, a row's four bits a byte apart. */
fn fifth_bits(word: u32, b: u32) -> vec4u {
  let first = (b & 1u) * 4u;
  return ((vec4u(word) >> (vec4u(0u, 1u, 2u, 3u) + first)) & vec4u(0x01010101u)) << vec4u(4u);
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

fn element_row(word: u32, d: f32, m: f32) -> vec4f {
  if (WEIGHT_HAS_MIN) { return d * bytes_of(word) + m; }
  return d * (bytes_of(word) - WEIGHT_ZERO);
}

fn weight_block(i: u32) -> mat4x4f {
  let q = weight_quants(i);
  let s = weight_scales(i);
  return mat4x4f(
    element_row(q.x, s.d.x, s.m.x),
    element_row(q.y, s.d.y, s.m.y),
    element_row(q.z, s.d.z, s.m.z),
    element_row(q.w, s.d.w, s.m.w));
}

fn weight_row(i: u32, r: u32) -> vec4f {
  let s = weight_row_scales(i, r);
  return element_row(weight_row_quants(i, r), s.x, s.y);
}
