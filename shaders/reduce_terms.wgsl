// sums [2] = Σ_p terms [P, 2]
// One workgroup; lane l sums pairs l, l + WG, ..., then the lanes meet in reduce_sum's tree. Latency-bound.

@compute @workgroup_size(WG)
fn reduce_terms(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f();
  for (var i = lane; i < params.pairs; i += WG) { sum += terms[i]; }
  let loss = reduce_sum(lane, sum.x);
  let divergence = reduce_sum(lane, sum.y);
  if (lane == 0u) {
    sums[0] = loss;
    sums[1] = divergence;
  }
}
