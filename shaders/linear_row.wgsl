// One row, for adapters that run lanes on a CPU: what a tile of four rows spends on three that do not exist is most of the
// arithmetic of a single sequence's decode. A lane owns 4 blocks of columns and walks four steps an iteration; each lane of
// the quad reads one step's terms for all. The order of summation is that of every variant. Which
// blocks are a lane's is said as for linear_registers.wgsl.

@compute @workgroup_size(4)
fn linear_row(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let lane = quad_lane(lid.x);
  let row = params.row0 + wg.y;
  let column = (wg.x * 4u + lid.x) * LANE_BLOCKS;
  let columns = min(lane_columns(column), vec4u(params.columns - 1u));
  var sums = mat4x4f();
  for (var step = 0u; step < params.steps; step += 4u) {
    let own = inp[row * params.inp_stride + params.inp_offset + step + lane];
    let x = mat4x4f(quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
    sums = mat4x4f(
      four_steps(sums[0], x, columns.x, step),
      four_steps(sums[1], x, columns.y, step),
      four_steps(sums[2], x, columns.z, step),
      four_steps(sums[3], x, columns.w, step));
  }
  store_row(sums, row, column);
}

/** Sixteen more terms of four sums. Along a row four blocks share their scales, down the columns each has its own. */
fn four_steps(before: vec4f, x: mat4x4f, column: u32, step: u32) -> vec4f {
  let scales = weight_scales(block_at(column, step));
  var sums = add_row(before, x[0], oriented_block(column, step, scales));
  sums = add_row(sums, x[1], oriented_block(column, step + 1u, next_scales(scales, column, step + 1u)));
  sums = add_row(sums, x[2], oriented_block(column, step + 2u, next_scales(scales, column, step + 2u)));
  return add_row(sums, x[3], oriented_block(column, step + 3u, next_scales(scales, column, step + 3u)));
}

fn next_scales(scales: WeightScales, column: u32, step: u32) -> WeightScales {
  if (TRANSPOSED) { return weight_scales(block_at(column, step)); }
  return scales;
}
