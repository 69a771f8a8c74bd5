fn write(sums: vec4f, row: u32, column: u32, slice: u32) { put(sums, row, column); }
