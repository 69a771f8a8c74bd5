// Sixteen columns share an 8-bit factor, stored with its sign bit turned. Of a block's upper two bits a byte holds those of
// one column, two bits a row.
const WEIGHT_HAS_MIN = false;
const WEIGHT_ZERO = 32.0;
struct WeightTile { d: vec2u, factors: array<u32, 16>, high: array<u32, 64>, q: array<vec2u, 64> }

fn weight_quants(i: u32) -> vec4u {
  let b = i & 63u;
  let high = (vec4u(weight[i >> 6u].high[b]) >> vec4u(0u, 2u, 4u, 6u)) & vec4u(0x03030303u);
  return nibble_rows(weight[i >> 6u].q[b]) | (high << vec4u(4u));
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
