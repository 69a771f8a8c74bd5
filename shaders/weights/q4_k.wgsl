// The file's 6-bit factors take 8 bits here: 148 words a tile for its 144.
const WEIGHT_HAS_MIN = true;
const WEIGHT_ZERO = 0.0;
struct WeightTile { dm: vec4u, factors: array<vec2u, 8>, q: array<vec2u, 64> }

fn weight_levels(i: u32) -> mat4x4f { return nibble_levels(weight[i >> 6u].q[i & 63u]); }
fn weight_scales(i: u32) -> RowScales { return k_scales(weight[i >> 6u].dm, weight[i >> 6u].factors[(i >> 3u) & 7u]); }

fn weight_row_quants(i: u32, r: u32) -> u32 { return nibble_row(weight[i >> 6u].q[i & 63u], r); }
fn weight_row_scales(i: u32, r: u32) -> vec2f {
  return k_row_scales(weight[i >> 6u].dm, weight[i >> 6u].factors[(i >> 3u) & 7u], r);
}
