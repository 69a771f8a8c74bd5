// For adapters that run lanes on a CPU. A lane owns 4 * QUADS rows by 4 blocks of columns, every sum in a variable of its
// own: there a load costs as much as forty arithmetic instructions, whether from storage or workgroup memory, while sums
// that exceed the machine's registers cost little. A workgroup is one quad of lanes, 64 columns wide. Which
// blocks are a lane's, and what is written of them, is in common/linear_store.wgsl or common/linear_store_gated.wgsl.

struct Blocks { b0: mat4x4f, b1: mat4x4f, b2: mat4x4f, b3: mat4x4f }
struct Sums { q0: Blocks, q1: Blocks, q2: Blocks, q3: Blocks }

fn add_quad(sums: Blocks, rows: mat4x4f, w: Blocks) -> Blocks {
  return Blocks(
    add_block(sums.b0, rows, w.b0),
    add_block(sums.b1, rows, w.b1),
    add_block(sums.b2, rows, w.b2),
    add_block(sums.b3, rows, w.b3));
}

struct Scales { c0: WeightScales, c1: WeightScales, c2: WeightScales, c3: WeightScales }

/** Of the four blocks of columns: those of a row of the matrix lie in one quantised block, whose scales are read once. */
fn scales_at(columns: vec4u, step: u32) -> Scales {
  if (TRANSPOSED) {
    let scales = weight_scales(block_at(columns.x, step));
    return Scales(scales, scales, scales, scales);
  }
  return Scales(
    weight_scales(block_at(columns.x, step)),
    weight_scales(block_at(columns.y, step)),
    weight_scales(block_at(columns.z, step)),
    weight_scales(block_at(columns.w, step)));
}

/** Scales of a step after the one that `scales` are of: four along a row share them, down the columns each has its own. */
fn next_scales(scales: Scales, columns: vec4u, step: u32) -> Scales {
  if (TRANSPOSED) { return scales_at(columns, step); }
  return scales;
}

/** Four more terms of every sum. */
fn add_step(before: Sums, row: u32, lane: u32, columns: vec4u, step: u32, scales: Scales) -> Sums {
  var sums = before;
  let w = Blocks(
    oriented_block(columns.x, step, scales.c0),
    oriented_block(columns.y, step, scales.c1),
    oriented_block(columns.z, step, scales.c2),
    oriented_block(columns.w, step, scales.c3));
  sums.q0 = add_quad(sums.q0, four_rows(row, lane, step), w);
  if (QUADS == 4u) {
    sums.q1 = add_quad(sums.q1, four_rows(row + 4u, lane, step), w);
    sums.q2 = add_quad(sums.q2, four_rows(row + 8u, lane, step), w);
    sums.q3 = add_quad(sums.q3, four_rows(row + 12u, lane, step), w);
  }
  return sums;
}

/** Writes four rows of a lane's blocks. */
fn store_quad(sums: Blocks, first: u32, lane: u32, column: u32) {
  store_row(mat4x4f(sums.b0[0], sums.b1[0], sums.b2[0], sums.b3[0]), first + row_of(lane, 0u), column);
  store_row(mat4x4f(sums.b0[1], sums.b1[1], sums.b2[1], sums.b3[1]), first + row_of(lane, 1u), column);
  store_row(mat4x4f(sums.b0[2], sums.b1[2], sums.b2[2], sums.b3[2]), first + row_of(lane, 2u), column);
  store_row(mat4x4f(sums.b0[3], sums.b1[3], sums.b2[3], sums.b3[3]), first + row_of(lane, 3u), column);
}

@compute @workgroup_size(4)
fn linear_registers(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let lane = quad_lane(lid.x);
  let row = params.row0 + wg.y * QUADS * 4u;
  let column = (wg.x * 4u + lid.x) * LANE_BLOCKS;
  let columns = min(lane_columns(column), vec4u(params.columns - 1u));
  var sums = Sums();
  for (var step = 0u; step < params.steps; step += UNROLL) {
    let scales = scales_at(columns, step);
    sums = add_step(sums, row, lane, columns, step, scales);
    if (UNROLL > 1u) { sums = add_step(sums, row, lane, columns, step + 1u, next_scales(scales, columns, step + 1u)); }
    if (UNROLL > 2u) {
      sums = add_step(sums, row, lane, columns, step + 2u, next_scales(scales, columns, step + 2u));
      sums = add_step(sums, row, lane, columns, step + 3u, next_scales(scales, columns, step + 3u));
    }
  }
  store_quad(sums.q0, row, lane, column);
  if (QUADS == 4u) {
    store_quad(sums.q1, row + 4u, lane, column);
    store_quad(sums.q2, row + 8u, lane, column);
    store_quad(sums.q3, row + 12u, lane, column);
  }
}
