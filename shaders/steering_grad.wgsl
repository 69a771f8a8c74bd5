// partial[p] = the sum of the rows [p * rows_each, (p + 1) * rows_each) of dresid, in order.
// First of two stages; a lane owns one column unit of one partial. Bandwidth-bound: each number is read once.

@compute @workgroup_size(WG)
fn steering_grad_partial(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.partials * params.row_units) { return; }
  let first = i / params.row_units * params.rows_each;
  let column = i % params.row_units;
  let end = min(first + params.rows_each, params.n);
  var sum = Unit(0.0);
  for (var row = first; row < end; row++) {
    sum += dresid[row * params.row_units + column];
  }
  partial_sums[i] = sum;
}
