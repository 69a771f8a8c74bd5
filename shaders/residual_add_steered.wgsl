// out[n] = inp[n] + branch[n] + scale * steering[layer]
// A lane owns one column unit of ROWS rows and reads the vector once for them; bandwidth-bound.

@compute @workgroup_size(WG)
fn residual_add_steered(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  let units = params.row_units;
  let column = i % units;
  let row = i / units * ROWS;
  if (row >= params.n) { return; }
  let push = params.scale * steering[params.layer * units + column];
  let end = min(row + ROWS, params.n) * units;
  for (var at = row * units + column; at < end; at += units) {
    out[at] = inp[at] + branch[at] + push;
  }
}
