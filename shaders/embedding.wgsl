// out[n] = weight[ids[n]], zeros for an id that is not in the vocabulary.
// The table is the blocked matrix that the head multiplies with; a lane owns one unit of one row. Bandwidth-bound.

@compute @workgroup_size(WG)
fn embedding(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let id = ids[i / params.row_units];
  let column = i % params.row_units * WIDTH;
  var value = Unit(0.0);
  if (id < params.vocab) {
    let block = id / 4u * ((params.c + 3u) / 4u) + column / 4u;
    value = unit_of(weight_row(block, id & 3u), column);
  }
  out[i] = value;
}
