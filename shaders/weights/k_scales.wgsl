/** Scales and minima of 32 columns: 8-bit factors of the four rows' f16 ones. */
fn k_scales(dm: vec4u, factors: vec2u) -> RowScales {
  let whole = scale_pairs(dm);
  return RowScales(whole.d * bytes_of(factors.x), -(whole.m * bytes_of(factors.y)));
}
