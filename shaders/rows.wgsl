// gather: out[r] = inp[rows[r]]; scatter: out[rows[r]] = inp[r]. SCATTER says which.
// A lane owns one unit of one of the R rows; bandwidth-bound.

@compute @workgroup_size(WG)
fn move_rows(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let r = i / params.row_units;
  let far = rows[r] * params.row_units + i % params.row_units;
  if (SCATTER) { out[far] = inp[i]; } else { out[i] = inp[far]; }
}
