// Multiplied, not shifted: SwiftShader shifts vectors lane by lane.
fn halves(w: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(w.x * 65536u, w.x & 0xffff0000u, w.y * 65536u, w.y & 0xffff0000u));
}
