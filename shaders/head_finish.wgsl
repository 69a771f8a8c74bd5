// logp[p] = picked[p] - lse[row],  lse = m + ln s,  entropy[row] = ln s - t / s   (t relative to m)
// Lane i owns pair i and row i.

@compute @workgroup_size(WG)
fn head_finish(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i < params.pairs) {
    let of_row = stats[rows[i]];
    logp[i] = (picked[i] - of_row.x) - log(of_row.y);
  }
  if (i < params.rows) {
    let own = stats[i];
    entropy[i] = log(own.y) - own.z / own.y;
  }
}
