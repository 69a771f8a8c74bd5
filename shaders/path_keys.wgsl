// out[m] = the k and v heads of qkv[paths[m]], which stand behind its q heads.
// A lane owns one unit of one row's k and v; bandwidth-bound.

@compute @workgroup_size(WG)
fn path_keys(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let m = i / params.kv_units;
  out[i] = qkv[paths[m] * (params.q_units + params.kv_units) + params.q_units + i - m * params.kv_units];
}
