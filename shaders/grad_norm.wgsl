// partial[g] = Σ over elements [g · SPAN, (g + 1) · SPAN) of grad²
// A workgroup owns a span, a lane every WG-th element of it. Bandwidth-bound.

@compute @workgroup_size(WG)
fn grad_norm(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = wg.x + wg.y * nwg.x;
  if (group >= params.groups) { return; }
  let end = min((group + 1u) * SPAN, params.n);
  var sum = 0.0;
  for (var i = group * SPAN + lane; i < end; i += WG) { sum += grad[i] * grad[i]; }
  let total = reduce_sum(lane, sum);
  if (lane == 0u) { partial_sums[group] = total; }
}
