// resid = inp + branch (+ scale * steering[layer]), rstd = 1 / sqrt(mean(resid²) + eps), out = resid * rstd * weight
// What residual_add and rmsnorm do one after the other, with the same bits: the sum is not read again for its squares.
// Layouts and orders of summation as in rmsnorm.wgsl. Bandwidth-bound.

/** One `Wide` of the sum. */
fn added(at: u32, u: u32) -> Wide {
  let sum = inp[at] + branch[at];
  if (STEERED) { return sum + params.scale * steering[params.layer * params.row_units + u]; }
  return sum;
}

@compute @workgroup_size(WG)
fn residual_norm(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  var squares = Unit(0.0);
  for (var u = lane; u < params.row_units; u += WG) {
    let x = added(base + u, u);
    resid[base + u] = x;
    squares = wide_dots(squares, x, x);
  }
  let r = inverseSqrt(reduce_sum(lane, unit_sum(squares)) / f32(params.c) + params.eps);
  if (lane == 0u) { rstd[row] = r; }
  for (var u = lane; u < params.row_units; u += WG) {
    out[base + u] = wide_times(resid[base + u] * r, weight[u]);
  }
}

@compute @workgroup_size(WG)
fn residual_norm_lane(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.x + wg.y * nwg.x) * WG + lane;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  var squares = Unit(0.0);
  for (var u = 0u; u < params.row_units; u++) {
    let x = added(base + u, u);
    resid[base + u] = x;
    squares = wide_dots(squares, x, x);
  }
  let r = inverseSqrt(unit_sum(squares) / f32(params.c) + params.eps);
  rstd[row] = r;
  for (var u = 0u; u < params.row_units; u++) {
    out[base + u] = wide_times(resid[base + u] * r, weight[u]);
  }
}
