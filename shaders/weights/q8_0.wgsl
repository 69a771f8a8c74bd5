// The quants are stored with their sign bit turned, which makes them unsigned.
const WEIGHT_HAS_MIN = false;
const WEIGHT_ZERO = 128.0;
struct WeightTile { d: vec2u, q: array<array<vec2u, 2>, 8> }

fn weight_quants(i: u32) -> vec4u {
  let q = weight[i >> 3u].q[i & 7u];
  return vec4u(q[0], q[1]);
}
fn weight_scales(i: u32) -> RowScales { return RowScales(four_scales(weight[i >> 3u].d), vec4f()); }

fn weight_row_quants(i: u32, r: u32) -> u32 { return weight[i >> 3u].q[i & 7u][r >> 1u][r & 1u]; }
fn weight_row_scales(i: u32, r: u32) -> vec2f { return vec2f(one_scale(weight[i >> 3u].d, r), 0.0); }
