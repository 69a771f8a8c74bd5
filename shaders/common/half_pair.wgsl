// Two numbers as f16 in a word, which takes no feature. Beyond f16's largest number it is that, and NaN is NaN: neither clamp nor
// the packing vouches for that.

fn half_pair(x: vec2f) -> u32 {
  let nan = select(vec2u(), vec2u(0x7e00u), (bitcast<vec2u>(x) & vec2u(0x7fffffffu)) > vec2u(0x7f800000u));
  return pack2x16float(clamp(x, vec2f(-65504.0), vec2f(65504.0))) | nan.x | (nan.y << 16u);
}
