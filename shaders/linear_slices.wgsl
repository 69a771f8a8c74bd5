// The slices' sums, one after the other. A lane owns one row and one block of four columns.
@compute @workgroup_size(WG)
fn linear_slices(
  @builtin(workgroup_id) wg: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = wg.y + wg.z * grid.y;
  let column = wg.x * WG + lane;
  if (row >= params.row_end || column >= params.columns) { return; }
  var sums = vec4f();
  for (var first = 0u; first < params.steps; first += params.slice) {
    sums += partial[(first / params.slice * params.row_end + row) * params.columns + column];
  }
  put(sums, row, column);
}
