// Brings a row's four numbers back from f16, out[r] = inp[rows[r]] (half_rows.wgsl).

fn move_four(i: u32) {
  let words = inp[rows[i / params.row_units] * params.row_units + i % params.row_units];
  out[i] = vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
