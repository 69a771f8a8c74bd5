/** Writes four neighbouring columns of a row of the output, if they are part of it. */
fn put(sums: vec4f, row: u32, column: u32) {
  if (row < params.row_end && column < params.columns) {
    let at = row * params.out_stride + params.out_offset + column;
    var value = params.scale * sums;
    if (BIAS) { value += vec4f(bias[column * 4u], bias[column * 4u + 1u], bias[column * 4u + 2u], bias[column * 4u + 3u]); }
    if (ACCUMULATE) { value += out[at]; }
    if (RESCALE) { value += row_scale[row] * out[at]; }
    out[at] = value;
  }
}
