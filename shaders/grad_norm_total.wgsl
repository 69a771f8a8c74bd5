// norm = sqrt(Σ_g partial[g])
// One workgroup; lane l sums partials l, l + WG, ..., then the lanes meet in reduce_sum's tree. Latency-bound.

@compute @workgroup_size(WG)
fn grad_norm_total(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.groups; i += WG) { sum += partial_sums[i]; }
  let total = reduce_sum(lane, sum);
  if (lane == 0u) { norm[0] = sqrt(total); }
}
