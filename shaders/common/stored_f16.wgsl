// What is stored as f16 of four numbers: two words, which take no feature. Beyond f16's largest number it is that.

fn stored(x: vec4f) -> vec2u {
  let inside = clamp(x, vec4f(-65504.0), vec4f(65504.0));
  return vec2u(pack2x16float(inside.xy), pack2x16float(inside.zw));
}
