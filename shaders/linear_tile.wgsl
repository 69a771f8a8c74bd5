// For adapters that run lanes on a CPU. A lane owns 4 * QUADS rows by 4 blocks of columns, every sum in a named variable:
// there a load costs as much as forty arithmetic instructions, whether it comes from storage or workgroup memory, while
// sums that do not fit the machine's registers cost next to nothing. A workgroup is one quad, 64 columns wide.

fn put_four(sums: mat4x4f, first: u32, lane: u32, column: u32) {
  put(sums[0], first + row_of(lane, 0u), column);
  put(sums[1], first + row_of(lane, 1u), column);
  put(sums[2], first + row_of(lane, 2u), column);
  put(sums[3], first + row_of(lane, 3u), column);
}

@compute @workgroup_size(4)
fn linear_tile(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let lane = quad_lane(lid.x);
  let row = params.row0 + wg.y * QUADS * 4u;
  let column = (wg.x * 4u + lid.x) * 4u;
  let last = params.columns - 1u;
  let n0 = min(column, last);
  let n1 = min(column + 1u, last);
  let n2 = min(column + 2u, last);
  let n3 = min(column + 3u, last);
  var s00 = mat4x4f(); var s01 = mat4x4f(); var s02 = mat4x4f(); var s03 = mat4x4f();
  var s10 = mat4x4f(); var s11 = mat4x4f(); var s12 = mat4x4f(); var s13 = mat4x4f();
  var s20 = mat4x4f(); var s21 = mat4x4f(); var s22 = mat4x4f(); var s23 = mat4x4f();
  var s30 = mat4x4f(); var s31 = mat4x4f(); var s32 = mat4x4f(); var s33 = mat4x4f();
  for (var step = 0u; step < params.steps; step++) {
    let b0 = oriented_block(n0, step);
    let b1 = oriented_block(n1, step);
    let b2 = oriented_block(n2, step);
    let b3 = oriented_block(n3, step);
    let x0 = four_rows(row, lane, step);
    s00 = add_block(s00, x0, b0); s01 = add_block(s01, x0, b1); s02 = add_block(s02, x0, b2); s03 = add_block(s03, x0, b3);
    if (QUADS > 1u) {
      let x1 = four_rows(row + 4u, lane, step);
      s10 = add_block(s10, x1, b0); s11 = add_block(s11, x1, b1); s12 = add_block(s12, x1, b2); s13 = add_block(s13, x1, b3);
      let x2 = four_rows(row + 8u, lane, step);
      s20 = add_block(s20, x2, b0); s21 = add_block(s21, x2, b1); s22 = add_block(s22, x2, b2); s23 = add_block(s23, x2, b3);
      let x3 = four_rows(row + 12u, lane, step);
      s30 = add_block(s30, x3, b0); s31 = add_block(s31, x3, b1); s32 = add_block(s32, x3, b2); s33 = add_block(s33, x3, b3);
    }
  }
  put_four(s00, row, lane, column); put_four(s01, row, lane, column + 1u);
  put_four(s02, row, lane, column + 2u); put_four(s03, row, lane, column + 3u);
  if (QUADS > 1u) {
    put_four(s10, row + 4u, lane, column); put_four(s11, row + 4u, lane, column + 1u);
    put_four(s12, row + 4u, lane, column + 2u); put_four(s13, row + 4u, lane, column + 3u);
    put_four(s20, row + 8u, lane, column); put_four(s21, row + 8u, lane, column + 1u);
    put_four(s22, row + 8u, lane, column + 2u); put_four(s23, row + 8u, lane, column + 3u);
    put_four(s30, row + 12u, lane, column); put_four(s31, row + 12u, lane, column + 1u);
    put_four(s32, row + 12u, lane, column + 2u); put_four(s33, row + 12u, lane, column + 3u);
  }
}
