// The quants are stored with their sign bit turned, which makes them unsigned.
const WEIGHT_HAS_MIN = false;
const WEIGHT_ZERO = 128.0;
struct WeightTile { d: vec2u, q: array<array<vec2u, 2>, 8> }

fn weight_levels(i: u32) -> mat4x4f {
  let q = weight[i >> 3u].q[i & 7u];
  return mat4x4f(bytes_of(q[0].x), bytes_of(q[0].y), bytes_of(q[1].x), bytes_of(q[1].y));
}
fn weight_scales(i: u32) -> RowScales { return RowScales(four_scales(weight[i >> 3u].d), vec4f()); }

fn weight_row_quants(i: u32, r: u32) -> u32 { return weight[i >> 3u].q[i & 7u][r >> 1u][r & 1u]; }
fn weight_row_scales(i: u32, r: u32) -> vec2f { return vec2f(one_scale(weight[i >> 3u].d, r), 0.0); }
