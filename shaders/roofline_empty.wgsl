// Next to nothing: what it costs to launch one workgroup.

@compute @workgroup_size(WG)
fn roofline_empty(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) {
    out[0] = f32(params.value);
  }
}
