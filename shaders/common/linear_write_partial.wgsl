/** Sums of one slice, to be added by linear_slices.wgsl: [slices, rows, columns] in blocks of four. */
fn write(sums: vec4f, row: u32, column: u32, slice: u32) {
  if (row < params.row_end && column < params.columns) {
    partial[(slice * params.row_end + row) * params.columns + column] = sums;
  }
}
