// Eight chains of multiply-adds a lane, in f32 or f16 (Real): measures the arithmetic rate. Eight hide the latency of one, and
// still fit the registers of a CPU on which a lane's float is a vector; 32 links between two tests of the loop hide its cost.
// x and y keep every value below the largest that f16 holds exactly.
// compute-bound: 2 * 8 * 32 operations a step, nothing read

alias Chains = mat2x4<Real>;

fn links_4(a: Chains, x: Real, y: Chains) -> Chains {
  return (((a * x + y) * x + y) * x + y) * x + y;
}

fn links_16(a: Chains, x: Real, y: Chains) -> Chains {
  return links_4(links_4(links_4(links_4(a, x, y), x, y), x, y), x, y);
}

@compute @workgroup_size(WG)
fn roofline_multiply_add(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let x = Real(params.x);
  let y = Chains(vec4<Real>(Real(params.y)), vec4<Real>(Real(params.y)));
  let steps = params.steps;
  var a = Chains(vec4<Real>(Real(lane)), vec4<Real>(Real(lane) + 1.0));
  for (var step = 0u; step < steps; step++) {
    a = links_16(links_16(a, x, y), x, y);
  }
  let sum = vec4f(a[0]) + vec4f(a[1]);
  out[wg.x * WG + lane] = (sum.x + sum.y) + (sum.z + sum.w);
}
