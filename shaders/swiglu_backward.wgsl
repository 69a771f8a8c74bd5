// dgate = dout * up * s * (1 + g * (1 - s)), dup = dout * g * s, with s = sigmoid(g)
// Layout, e and its reason as in swiglu.wgsl; a lane reads three units and writes two.

@compute @workgroup_size(WG)
fn swiglu_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let at = i + i / params.row_units * params.row_units;
  let g = gate_up[at];
  let e = exp(-abs(g));
  let positive = g >= Unit(0.0);
  let s = select(e, Unit(1.0), positive) / (1.0 + e);
  let rest = select(Unit(1.0), e, positive) / (1.0 + e);
  let d = dout[i];
  dgate_up[at] = d * gate_up[at + params.row_units] * (s + g * s * rest);
  dgate_up[at + params.row_units] = d * g * s;
}
