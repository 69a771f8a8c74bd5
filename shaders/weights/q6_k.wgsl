// Sixteen columns share an 8-bit factor, stored with its sign bit turned. Of a block's upper two bits a byte holds those of
// one column, two bits a row.
const WEIGHT_HAS_MIN = false;
const WEIGHT_ZERO = 32.0;
struct WeightTile { d: vec2u, factors: array<u32, 16>, high: array<u32, 64>, q: array<vec2u, 64> }

fn weight_levels(i: u32) -> mat4x4f {
  let b = i & 63u;
  let high = vec4u(weight[i >> 6u].high[b]);
  return nibble_levels(weight[i >> 6u].q[b]) + mat4x4f(
    levels_of(high & (3u * BYTE_UNITS), 16.0),
    levels_of(high & (12u * BYTE_UNITS), 4.0),
    levels_of(high & (48u * BYTE_UNITS), 1.0),
    levels_of(high & (192u * BYTE_UNITS), 0.25));
}
fn weight_scales(i: u32) -> RowScales {
  let factors = bytes_of(weight[i >> 6u].factors[(i >> 2u) & 15u]) - 128.0;
  return RowScales(four_scales(weight[i >> 6u].d) * factors, vec4f());
}

fn weight_row_quants(i: u32, r: u32) -> u32 {
  let b = i & 63u;
  let high = (weight[i >> 6u].high[b] >> (2u * r)) & 0x03030303u;
  return nibble_row(weight[i >> 6u].q[b], r) | (high << 4u);
}
fn weight_row_scales(i: u32, r: u32) -> vec2f {
  let factor = f32((weight[i >> 6u].factors[(i >> 2u) & 15u] >> (8u * r)) & 255u) - 128.0;
  return vec2f(one_scale(weight[i >> 6u].d, r) * factor, 0.0);
}
