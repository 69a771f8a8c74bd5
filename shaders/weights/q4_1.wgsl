const WEIGHT_HAS_MIN = true;
const WEIGHT_ZERO = 0.0;
struct WeightTile { dm: vec4u, q: array<vec2u, 8> }

fn weight_levels(i: u32) -> mat4x4f { return nibble_levels(weight[i >> 3u].q[i & 7u]); }
fn weight_scales(i: u32) -> RowScales { return scale_pairs(weight[i >> 3u].dm); }

fn weight_row_quants(i: u32, r: u32) -> u32 { return nibble_row(weight[i >> 3u].q[i & 7u], r); }
fn weight_row_scales(i: u32, r: u32) -> vec2f { return unpack2x16float(weight[i >> 3u].dm[r]); }
