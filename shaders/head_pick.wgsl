// picked[p] = logits[rows[p], targets[p] - v0] where the target lies in the tile [v0, v0 + vt); else untouched
// A lane owns one pair. Latency-bound: one scattered read each.

@compute @workgroup_size(WG)
fn head_pick(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let pair = (wg.x + wg.y * nwg.x) * WG + lane;
  if (pair >= params.pairs) { return; }
  let target_id = targets[pair];
  if (target_id < params.v0 || target_id >= params.v0 + params.vt) { return; }
  picked[pair] = logits[rows[pair] * params.stride + target_id - params.v0];
}
