// Rounds a row's four numbers to f16 (half_rows.wgsl).

fn move_four(i: u32) { out[i] = stored(inp[i]); }
