// out = inp. Run over arrays that no cache holds, it measures what memory gives.
// bandwidth-bound: one read, one write

@compute @workgroup_size(WG)
fn roofline_copy(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  out[i] = inp[i];
}
