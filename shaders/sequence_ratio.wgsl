// Per completion s with the pairs P_s = seq_pairs[seq_start[s] .. seq_start[s + 1]]:
//   x = Σ_{p in P_s} (logp[p] - old_logp[p]), divided by |P_s| with params.mean
//   ratio[p] = (x, d x / d logp[p] · |P_s|) for each of them
// A workgroup owns one completion; lane l sums its pairs l, l + WG, ... and the lanes meet in reduce_sum's tree. Latency-bound.

@compute @workgroup_size(WG)
fn sequence_ratio(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = wg.x + wg.y * nwg.x;
  if (s >= params.sequences) { return; }
  let begin = seq_start[s];
  let end = seq_start[s + 1u];
  var sum = 0.0;
  for (var i = begin + lane; i < end; i += WG) {
    let p = seq_pairs[i];
    sum += logp[p] - old_logp[p];
  }
  let total = reduce_sum(lane, sum);
  let length = f32(end - begin);
  var mine = vec2f(total, length);
  if (params.mean == 1u) { mine = vec2f(total / length, 1.0); }
  for (var i = begin + lane; i < end; i += WG) { ratio[seq_pairs[i]] = mine; }
}
