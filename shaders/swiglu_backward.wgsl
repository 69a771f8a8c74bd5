// dgate = dout * up * s * (1 + g * (1 - s)), dup = dout * g * s, with s = sigmoid(g)
// Layout as in swiglu.wgsl, e as in common/silu.wgsl; a lane reads three units and writes two.

@compute @workgroup_size(WG)
fn swiglu_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let at = i + i / params.row_units * params.row_units;
  let g = gate_up[at];
  let d = dout[i];
  let dsilu = wide(silu_slope(part0(g)), silu_slope(part1(g)), silu_slope(part2(g)), silu_slope(part3(g)));
  let silus = wide(silu(part0(g)), silu(part1(g)), silu(part2(g)), silu(part3(g)));
  dgate_up[at] = wide_times(wide_times(d, gate_up[at + params.row_units]), dsilu);
  dgate_up[at + params.row_units] = wide_times(d, silus);
}

fn silu_slope(g: Unit) -> Unit {
  let e = exp(-abs(g));
  let positive = g >= Unit(0.0);
  let s = select(e, Unit(1.0), positive) / (1.0 + e);
  let rest = select(Unit(1.0), e, positive) / (1.0 + e);
  return s + g * s * rest;
}
