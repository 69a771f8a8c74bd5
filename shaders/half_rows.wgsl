// Rows of f32 numbers kept as f16, four in two words: store_half_rows rounds them, gather_half_rows brings some of them back,
// out[r] = inp[rows[r]]. A lane owns four numbers; bandwidth-bound.

@compute @workgroup_size(WG)
fn half_rows(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  move_four(i);
}
