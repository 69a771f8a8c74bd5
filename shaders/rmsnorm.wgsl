// rstd = 1 / sqrt(mean(inp²) + eps), out = inp * rstd * weight; rstd is kept for the backward pass.
// Bandwidth-bound: the second read of the row comes from cache. Two layouts of one kernel:
// rmsnorm_forward: a workgroup owns a row; lane l sums units l, l + WG, ..., then the lanes meet in reduce_sum's tree.
// rmsnorm_forward_lane, for CPU adapters: a lane owns a row and sums its units in order, the four floats of a unit apart.

@compute @workgroup_size(WG)
fn rmsnorm_forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  var squares = Unit(0.0);
  for (var u = lane; u < params.row_units; u += WG) {
    let x = inp[base + u];
    squares = wide_dots(squares, x, x);
  }
  let r = inverseSqrt(reduce_sum(lane, unit_sum(squares)) / f32(params.c) + params.eps);
  if (lane == 0u) { rstd[row] = r; }
  for (var u = lane; u < params.row_units; u += WG) {
    out[base + u] = wide_times(inp[base + u] * r, weight[u]);
  }
}

@compute @workgroup_size(WG)
fn rmsnorm_forward_lane(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.x + wg.y * nwg.x) * WG + lane;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  var squares = Unit(0.0);
  for (var u = 0u; u < params.row_units; u++) {
    let x = inp[base + u];
    squares = wide_dots(squares, x, x);
  }
  let r = inverseSqrt(unit_sum(squares) / f32(params.c) + params.eps);
  rstd[row] = r;
  for (var u = 0u; u < params.row_units; u++) {
    out[base + u] = wide_times(inp[base + u] * r, weight[u]);
  }
}
