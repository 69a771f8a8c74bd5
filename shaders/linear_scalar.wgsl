// A lane owns one row and one block of four columns. Rows need not start on a vec4: any K, N, stride and offset.
@compute @workgroup_size(WG)
fn linear_scalar(
  @builtin(workgroup_id) wg: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
) {
  let row = params.row0 + wg.y + wg.z * grid.y;
  let column = wg.x * WG + lid.x;
  if (row >= params.row_end || column * 4u >= params.width) { return; }
  var sums = vec4f();
  for (var step = 0u; step * 4u < params.terms; step++) {
    let at = row * params.inp_stride + params.inp_offset + step * 4u;
    let left = params.terms - step * 4u;
    var x = vec4f(inp[at], 0.0, 0.0, 0.0);
    if (left > 1u) { x.y = inp[at + 1u]; }
    if (left > 2u) { x.z = inp[at + 2u]; }
    if (left > 3u) { x.w = inp[at + 3u]; }
    sums = add_row(sums, x, oriented_block(column, step, weight_scales(block_at(column, step))));
  }
  for (var c = 0u; c < 4u; c++) {
    let n = column * 4u + c;
    if (n < params.width) {
      let at = row * params.out_stride + params.out_offset + n;
      var value = params.scale * sums[c];
      if (BIAS) { value += bias[params.bias_offset + n]; }
      if (ACCUMULATE) { value += out[at]; }
      if (RESCALE) { value += row_scale[row] * out[at]; }
      out[at] = value;
    }
  }
}
