// dinp += rstd * (w * dout) - inp * rstd³ / C * Σ(w * dout * inp)
// Layouts and orders of summation as in rmsnorm.wgsl.

@compute @workgroup_size(WG)
fn rmsnorm_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  var dots = Unit(0.0);
  for (var u = lane; u < params.row_units; u += WG) {
    dots = wide_dots(dots, wide_times(weight[u], dout[base + u]), inp[base + u]);
  }
  let r = rstd[row];
  let pull = reduce_sum(lane, unit_sum(dots)) * r * r * r / f32(params.c);
  for (var u = lane; u < params.row_units; u += WG) {
    dinp[base + u] += wide_times(r * weight[u], dout[base + u]) - pull * inp[base + u];
  }
}

@compute @workgroup_size(WG)
fn rmsnorm_backward_lane(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.x + wg.y * nwg.x) * WG + lane;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  var dots = Unit(0.0);
  for (var u = 0u; u < params.row_units; u++) {
    dots = wide_dots(dots, wide_times(weight[u], dout[base + u]), inp[base + u]);
  }
  let r = rstd[row];
  let pull = unit_sum(dots) * r * r * r / f32(params.c);
  for (var u = 0u; u < params.row_units; u++) {
    dinp[base + u] += wide_times(r * weight[u], dout[base + u]) - pull * inp[base + u];
  }
}
