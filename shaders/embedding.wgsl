// out[n] = weight[ids[n] - first]; where the weight has no such row, zeros from the part that begins at 0, and nothing from
// the others. The table is the blocked matrix that the head multiplies with; a lane owns one unit of one row. Bandwidth-bound.

@compute @workgroup_size(WG)
fn embedding(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let id = ids[i / params.row_units];
  let column = i % params.row_units * WIDTH;
  let row = id - params.first;
  if (id >= params.first && row < params.rows) {
    let block = row / 4u * ((params.c + 3u) / 4u) + column / 4u;
    out[i] = unit_of(weight_row(block, row & 3u), column);
  } else if (params.first == 0u) {
    out[i] = Unit(0.0);
  }
}
