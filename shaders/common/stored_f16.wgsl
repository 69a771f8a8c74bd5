// What is stored as f16 of four numbers: two words, which take no feature. Beyond f16's largest number it is that.

fn stored(x: vec4f) -> vec2u {
  let inside = clamp(x, vec4f(-65504.0), vec4f(65504.0));
  // NaN stays NaN: neither clamp nor the packing vouches for that.
  let nan = select(vec4u(), vec4u(0x7e00u), (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
  return vec2u(pack2x16float(inside.xy), pack2x16float(inside.zw)) | nan.xz | (nan.yw << vec2u(16u));
}
