// Eight chains of f16 multiply-adds a lane, as roofline_multiply_add.wgsl has them in f32; x and y keep every value below
// the largest that f16 holds exactly.
// compute-bound: 2 * 8 * 32 operations a step, nothing read

fn links_4(a: mat2x4h, x: f16, y: mat2x4h) -> mat2x4h {
  return (((a * x + y) * x + y) * x + y) * x + y;
}

fn links_16(a: mat2x4h, x: f16, y: mat2x4h) -> mat2x4h {
  return links_4(links_4(links_4(links_4(a, x, y), x, y), x, y), x, y);
}

@compute @workgroup_size(WG)
fn roofline_multiply_add_f16(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let x = f16(params.x);
  let y = mat2x4h(vec4h(f16(params.y)), vec4h(f16(params.y)));
  let steps = params.steps;
  var a = mat2x4h(vec4h(f16(lane)), vec4h(f16(lane) + 1.0h));
  for (var step = 0u; step < steps; step++) {
    a = links_16(links_16(a, x, y), x, y);
  }
  let sum = vec4f(a[0]) + vec4f(a[1]);
  out[wg.x * WG + lane] = (sum.x + sum.y) + (sum.z + sum.w);
}
