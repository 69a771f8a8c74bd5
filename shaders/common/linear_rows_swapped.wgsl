// Each lane of a quad loads one of four rows, and swaps bring it the other three: row r of the result is the row of lane
// `lane ^ r`. One load serves four rows. A quad is four lanes whatever the size of the subgroup.

/** Which of its quad's four lanes this one is, found without assuming how a workgroup is cut into subgroups. */
fn quad_lane(local: u32) -> u32 {
  var lane = select(0u, 1u, local == quadBroadcast(local, 1u));
  lane = select(lane, 2u, local == quadBroadcast(local, 2u));
  return select(lane, 3u, local == quadBroadcast(local, 3u));
}

fn row_of(lane: u32, r: u32) -> u32 { return lane ^ r; }

fn four_rows(first: u32, lane: u32, step: u32) -> mat4x4f {
  let own = inp[min(first + lane, params.row_end - 1u) * params.inp_stride + params.inp_offset + step];
  return mat4x4f(own, quadSwapX(own), quadSwapY(own), quadSwapDiagonal(own));
}
