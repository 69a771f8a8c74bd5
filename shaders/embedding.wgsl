// out[n] = weight[ids[n] - first]; where the weight has no such row, zeros from the part that begins at 0, and nothing from
// the others. The table is the blocked matrix that the head multiplies with; a lane owns one `Wide` of one row.
// Bandwidth-bound.

@compute @workgroup_size(WG)
fn embedding(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let id = ids[i / params.row_units];
  let column = i % params.row_units * WIDTH;
  let row = id - params.first;
  if (id >= params.first && row < params.rows) {
    let block = row / 4u * ((params.c + 3u) / 4u) + column / 4u;
    // The blocks of a `Wide`: where it is a unit, all the same one.
    let next = WIDTH / 16u;
    let r = row & 3u;
    out[i] = wide(
      unit_of(weight_row(block, r), column),
      unit_of(weight_row(block + next, r), column),
      unit_of(weight_row(block + 2u * next, r), column),
      unit_of(weight_row(block + 3u * next, r), column));
  } else if (params.first == 0u) {
    out[i] = Wide();
  }
}
