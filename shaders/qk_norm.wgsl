// Every q and k head of qkv by itself, in place: x = x * rstd * weight, rstd = 1 / sqrt(mean(x²) + eps). v stays.
// weight [2, D] has q's row, then k's. Bandwidth-bound. Two layouts of one kernel:
// qk_norm_forward: a workgroup owns a head; lane l sums units l, l + WG, ..., then the lanes meet in reduce_sum's tree.
// qk_norm_forward_lane, for CPU adapters: a lane owns a head and sums its units in order.

@compute @workgroup_size(WG)
fn qk_norm_forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = wg.x + wg.y * nwg.x;
  if (head >= params.count) { return; }
  let base = head_base(head);
  let weights = head_weights(head);
  var squares = Unit(0.0);
  for (var u = lane; u < params.head_units; u += WG) {
    let x = qkv[base + u];
    squares += x * x;
  }
  let rstd = inverseSqrt(reduce_sum(lane, unit_sum(squares)) / f32(params.head_dim) + params.eps);
  for (var u = lane; u < params.head_units; u += WG) {
    qkv[base + u] *= rstd * weight[weights + u];
  }
}

@compute @workgroup_size(WG)
fn qk_norm_forward_lane(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = (wg.x + wg.y * nwg.x) * WG + lane;
  if (head >= params.count) { return; }
  let base = head_base(head);
  let weights = head_weights(head);
  var squares = Unit(0.0);
  for (var u = 0u; u < params.head_units; u++) {
    let x = qkv[base + u];
    squares += x * x;
  }
  let rstd = inverseSqrt(unit_sum(squares) / f32(params.head_dim) + params.eps);
  for (var u = 0u; u < params.head_units; u++) {
    qkv[base + u] *= rstd * weight[weights + u];
  }
}
