// out = silu(gate) * up, silu(g) = g * sigmoid(g)
// gate_up [N, 2F] holds a row's gates, then its ups. A lane owns one `Wide` of out [N, F]; bandwidth-bound.

@compute @workgroup_size(WG)
fn swiglu_forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let at = i + i / params.row_units * params.row_units;
  let g = gate_up[at];
  let activated = wide(silu(part0(g)), silu(part1(g)), silu(part2(g)), silu(part3(g)));
  out[i] = wide_times(activated, gate_up[at + params.row_units]);
}
