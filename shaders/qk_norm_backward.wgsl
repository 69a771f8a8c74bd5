// For every q and k head, in place on the gradient: d = rstd * (w * d) - inp * rstd³ / D * Σ(w * d * inp). v's stays.
// rstd is computed again from inp, which has to be read anyway. Layouts and orders of summation as in qk_norm.wgsl.

@compute @workgroup_size(WG)
fn qk_norm_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = wg.x + wg.y * nwg.x;
  if (head >= params.count) { return; }
  let base = head_base(head);
  let weights = head_weights(head);
  var squares = Unit(0.0);
  var dots = Unit(0.0);
  for (var u = lane; u < params.head_units; u += WG) {
    let x = inp[base + u];
    squares += x * x;
    dots += weight[weights + u] * dqkv[base + u] * x;
  }
  let rstd = inverseSqrt(reduce_sum(lane, unit_sum(squares)) / f32(params.head_dim) + params.eps);
  let pull = reduce_sum(lane, unit_sum(dots)) * rstd * rstd * rstd / f32(params.head_dim);
  for (var u = lane; u < params.head_units; u += WG) {
    dqkv[base + u] = rstd * weight[weights + u] * dqkv[base + u] - pull * inp[base + u];
  }
}

@compute @workgroup_size(WG)
fn qk_norm_backward_lane(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = (wg.x + wg.y * nwg.x) * WG + lane;
  if (head >= params.count) { return; }
  let base = head_base(head);
  let weights = head_weights(head);
  var squares = Unit(0.0);
  var dots = Unit(0.0);
  for (var u = 0u; u < params.head_units; u++) {
    let x = inp[base + u];
    squares += x * x;
    dots += weight[weights + u] * dqkv[base + u] * x;
  }
  let rstd = inverseSqrt(unit_sum(squares) / f32(params.head_dim) + params.eps);
  let pull = unit_sum(dots) * rstd * rstd * rstd / f32(params.head_dim);
  for (var u = 0u; u < params.head_units; u++) {
    dqkv[base + u] = rstd * weight[weights + u] * dqkv[base + u] - pull * inp[base + u];
  }
}
