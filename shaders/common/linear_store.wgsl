// A lane of the register tiles owns four neighbouring blocks of columns, and writes what it has summed up.

const LANE_BLOCKS = 4u;

fn lane_columns(first: u32) -> vec4u { return vec4u(first, first + 1u, first + 2u, first + 3u); }

fn store_row(sums: mat4x4f, row: u32, column: u32) {
  put(sums[0], row, column);
  put(sums[1], row, column + 1u);
  put(sums[2], row, column + 2u);
  put(sums[3], row, column + 3u);
}
