// resid = inp + branch (+ scale * steering[layer]), rstd = 1 / sqrt(mean(resid²) + eps), out = resid * rstd * weight
// What residual_add and rmsnorm do one after the other, with the same bits: the sum is not read again for its squares.
// Layouts and orders of summation as in rmsnorm.wgsl. Bandwidth-bound.

/** One `Wide` of the sum. */
fn added(at: u32, u: u32) -> Wide {
  let sum = inp[at] + branch[at];
  if (STEERED) { return sum + params.scale * steering[params.layer * params.row_units + u]; }
  return sum;
}

@compute @workgroup_size(WG)
fn residual_norm(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  var squares = Unit(0.0);
  for (var u = lane; u < params.row_units; u += WG) {
    let x = added(base + u, u);
    resid[base + u] = x;
    squares = wide_dots(squares, x, x);
  }
  let r = inverseSqrt(reduce_sum(lane, unit_sum(squares)) / f32(params.c) + params.eps);
  if (lane == 0u) { rstd[row] = r; }
  for (var u = lane; u < params.row_units; u += WG) {
    out[base + u] = wide_times(resid[base + u] * r, weight[u]);
  }
}

/** Adds one `Wide` of a row up, and writes the sum. */
fn take(base: u32, u: u32) -> Wide {
  let x = added(base + u, u);
  resid[base + u] = x;
  return x;
}

fn give(base: u32, u: u32, x: Wide) { out[base + u] = wide_times(x, weight[u]); }

// The first HELD units of a row (1 to 8) stay in variables: to a CPU, reading what was just written is as dear as any load.
@compute @workgroup_size(WG)
fn residual_norm_lane(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.x + wg.y * nwg.x) * WG + lane;
  if (row >= params.n) { return; }
  let base = row * params.row_units;
  let x0 = take(base, 0u);
  var squares = wide_dots(Unit(0.0), x0, x0);
  var x1 = x0; var x2 = x0; var x3 = x0; var x4 = x0; var x5 = x0; var x6 = x0; var x7 = x0;
  if (HELD > 1u) { x1 = take(base, 1u); squares = wide_dots(squares, x1, x1); }
  if (HELD > 2u) { x2 = take(base, 2u); squares = wide_dots(squares, x2, x2); }
  if (HELD > 3u) { x3 = take(base, 3u); squares = wide_dots(squares, x3, x3); }
  if (HELD > 4u) { x4 = take(base, 4u); squares = wide_dots(squares, x4, x4); }
  if (HELD > 5u) { x5 = take(base, 5u); squares = wide_dots(squares, x5, x5); }
  if (HELD > 6u) { x6 = take(base, 6u); squares = wide_dots(squares, x6, x6); }
  if (HELD > 7u) { x7 = take(base, 7u); squares = wide_dots(squares, x7, x7); }
  for (var u = HELD; u < params.row_units; u++) {
    let x = take(base, u);
    squares = wide_dots(squares, x, x);
  }
  let r = inverseSqrt(unit_sum(squares) / f32(params.c) + params.eps);
  rstd[row] = r;
  give(base, 0u, x0 * r);
  if (HELD > 1u) { give(base, 1u, x1 * r); }
  if (HELD > 2u) { give(base, 2u, x2 * r); }
  if (HELD > 3u) { give(base, 3u, x3 * r); }
  if (HELD > 4u) { give(base, 4u, x4 * r); }
  if (HELD > 5u) { give(base, 5u, x5 * r); }
  if (HELD > 6u) { give(base, 6u, x6 * r); }
  if (HELD > 7u) { give(base, 7u, x7 * r); }
  for (var u = HELD; u < params.row_units; u++) { give(base, u, resid[base + u] * r); }
}
