// kept[base + r] = inp[r], whole rows one after the other; base is read from memory, so that a recorded dispatch can be sent
// again for other rows. A lane owns one unit; bandwidth-bound.

@compute @workgroup_size(WG)
fn keep_rows(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  kept[base[0] * params.row_units + i] = inp[i];
}
