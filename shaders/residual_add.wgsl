// out = inp + branch
// A lane owns one unit of the flat [N, C]; bandwidth-bound: two reads, one write.

@compute @workgroup_size(WG)
fn residual_add(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  out[i] = inp[i] + branch[i];
}
