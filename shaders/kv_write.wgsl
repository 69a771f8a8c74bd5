// cache[places[i].y] = the k and v heads of qkv[places[i].x], which stand behind its q heads; several places may take the
// same row. What names no row is left out. A lane owns one unit of one place's k and v; bandwidth-bound.

@compute @workgroup_size(WG)
fn kv_write(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let place = places[i / params.kv_units];
  if (place.x >= params.n) { return; }
  let column = i % params.kv_units;
  cache[place.y * params.kv_units + column] = kv_stored(qkv[place.x * (params.q_units + params.kv_units) + params.q_units + column]);
}
