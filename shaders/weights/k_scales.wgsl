/** Scales and minima of 32 columns: 8-bit factors of the four rows' f16 ones. */
fn k_scales(dm: vec4u, factors: vec2u) -> RowScales {
  let whole = scale_pairs(dm);
  return RowScales(whole.d * bytes_of(factors.x), -(whole.m * bytes_of(factors.y)));
}

fn k_row_scales(dm: vec4u, factors: vec2u, r: u32) -> vec2f {
  let of_row = (factors >> vec2u(8u * r)) & vec2u(255u);
  return unpack2x16float(dm[r]) * vec2f(of_row) * vec2f(1.0, -1.0);
}
