// Eight chains of multiply-adds a lane: measures the arithmetic rate. Eight hide the latency of one, and still fit the
// registers of a CPU on which a lane's float is a vector; 32 links between two tests of the loop hide its cost.
// compute-bound: 2 * 8 * 32 operations a step, nothing read

fn links_4(a: mat2x4f, x: f32, y: mat2x4f) -> mat2x4f {
  return (((a * x + y) * x + y) * x + y) * x + y;
}

fn links_16(a: mat2x4f, x: f32, y: mat2x4f) -> mat2x4f {
  return links_4(links_4(links_4(links_4(a, x, y), x, y), x, y), x, y);
}

@compute @workgroup_size(WG)
fn roofline_multiply_add(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let x = params.x;
  let y = mat2x4f(vec4f(params.y), vec4f(params.y));
  let steps = params.steps;
  var a = mat2x4f(vec4f(f32(lane)), vec4f(f32(lane) + 1.0));
  for (var step = 0u; step < steps; step++) {
    a = links_16(links_16(a, x, y), x, y);
  }
  let sum = a[0] + a[1];
  out[wg.x * WG + lane] = (sum.x + sum.y) + (sum.z + sum.w);
}
