// Every lane loads all four rows itself: needs no feature.

fn quad_lane(local: u32) -> u32 { return 0u; }

fn row_of(lane: u32, r: u32) -> u32 { return r; }

fn one_row(row: u32, step: u32) -> vec4f {
  return inp[min(row, params.row_end - 1u) * params.inp_stride + params.inp_offset + step];
}

fn four_rows(first: u32, lane: u32, step: u32) -> mat4x4f {
  return mat4x4f(one_row(first, step), one_row(first + 1u, step), one_row(first + 2u, step), one_row(first + 3u, step));
}
