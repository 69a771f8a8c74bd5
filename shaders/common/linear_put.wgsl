/** Writes four neighbouring columns of a row of the output, if they are part of it. */
fn put(sums: vec4f, row: u32, column: u32) {
  if (row < params.row_end && column < params.columns) {
    let at = row * params.out_stride + params.out_offset + column;
    var value = params.scale * sums;
    if (BIAS) {
      let b = params.bias_offset + column * 4u;
      value += vec4f(bias[b], bias[b + 1u], bias[b + 2u], bias[b + 3u]);
    }
    if (ACCUMULATE) { value += out[at]; }
    if (RESCALE) { value += row_scale[row] * out[at]; }
    out[at] = value;
  }
}
