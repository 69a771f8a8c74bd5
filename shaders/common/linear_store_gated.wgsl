// out = silu(gate) * up of a product whose columns are gates, then as many ups: what swiglu.wgsl makes of it, with the same bits.
// A lane of the register tiles owns two neighbouring blocks of gates and the two of their ups, so nothing else is written.

const LANE_BLOCKS = 2u;

fn lane_columns(first: u32) -> vec4u {
  let ups = params.columns / 2u + first;
  return vec4u(first, first + 1u, ups, ups + 1u);
}

fn store_row(sums: mat4x4f, row: u32, column: u32) {
  put_gated(sums[0], sums[2], row, column);
  put_gated(sums[1], sums[3], row, column + 1u);
}

fn put_gated(gate: vec4f, up: vec4f, row: u32, column: u32) {
  let half = params.columns / 2u;
  if (row < params.row_end && column < half) {
    out[row * params.out_stride + params.out_offset + column] =
      silu(biased(gate, column)) * biased(up, half + column);
  }
}

fn biased(sums: vec4f, column: u32) -> vec4f {
  if (!BIAS) { return sums; }
  let b = params.bias_offset + column * 4u;
  return sums + vec4f(bias[b], bias[b + 1u], bias[b + 2u], bias[b + 3u]);
}
