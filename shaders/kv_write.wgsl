// cache[dest[n]] = the k and v heads of qkv[n], which stand behind its q heads.
// A lane owns one unit of one row's k and v; bandwidth-bound.

@compute @workgroup_size(WG)
fn kv_write(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let row = i / params.kv_units;
  let column = i % params.kv_units;
  cache[dest[row] * params.kv_units + column] = kv_stored(qkv[row * (params.q_units + params.kv_units) + params.q_units + column]);
}
