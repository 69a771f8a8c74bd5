// A lane's slice of a head: read from qkv and dout, written to dqkv, for both halves of attention's backward pass.
// WGSL passes no storage pointer to a function, so each buffer has a loader of its own.

fn load_qkv(head_base: u32, lane: u32) -> Slice {
  let base = head_base + lane;
  var s: Slice;
  s[0] = qkv[base];
  if (SLICE_VECS > 1u) { s[AT1] = qkv[base + 4u]; }
  if (SLICE_VECS > 2u) { s[AT2] = qkv[base + 8u]; }
  if (SLICE_VECS > 3u) { s[AT3] = qkv[base + 12u]; }
  if (SLICE_VECS > 4u) { s[AT4] = qkv[base + 16u]; }
  if (SLICE_VECS > 5u) { s[AT5] = qkv[base + 20u]; }
  if (SLICE_VECS > 6u) { s[AT6] = qkv[base + 24u]; }
  if (SLICE_VECS > 7u) { s[AT7] = qkv[base + 28u]; }
  if (SLICE_VECS > 8u) { s[AT8] = qkv[base + 32u]; }
  if (SLICE_VECS > 9u) { s[AT9] = qkv[base + 36u]; }
  if (SLICE_VECS > 10u) { s[AT10] = qkv[base + 40u]; }
  if (SLICE_VECS > 11u) { s[AT11] = qkv[base + 44u]; }
  if (SLICE_VECS > 12u) { s[AT12] = qkv[base + 48u]; }
  if (SLICE_VECS > 13u) { s[AT13] = qkv[base + 52u]; }
  if (SLICE_VECS > 14u) { s[AT14] = qkv[base + 56u]; }
  if (SLICE_VECS > 15u) { s[AT15] = qkv[base + 60u]; }
  return slice_inside(s, lane);
}

fn load_dout(head_base: u32, lane: u32) -> Slice {
  let base = head_base + lane;
  var s: Slice;
  s[0] = dout[base];
  if (SLICE_VECS > 1u) { s[AT1] = dout[base + 4u]; }
  if (SLICE_VECS > 2u) { s[AT2] = dout[base + 8u]; }
  if (SLICE_VECS > 3u) { s[AT3] = dout[base + 12u]; }
  if (SLICE_VECS > 4u) { s[AT4] = dout[base + 16u]; }
  if (SLICE_VECS > 5u) { s[AT5] = dout[base + 20u]; }
  if (SLICE_VECS > 6u) { s[AT6] = dout[base + 24u]; }
  if (SLICE_VECS > 7u) { s[AT7] = dout[base + 28u]; }
  if (SLICE_VECS > 8u) { s[AT8] = dout[base + 32u]; }
  if (SLICE_VECS > 9u) { s[AT9] = dout[base + 36u]; }
  if (SLICE_VECS > 10u) { s[AT10] = dout[base + 40u]; }
  if (SLICE_VECS > 11u) { s[AT11] = dout[base + 44u]; }
  if (SLICE_VECS > 12u) { s[AT12] = dout[base + 48u]; }
  if (SLICE_VECS > 13u) { s[AT13] = dout[base + 52u]; }
  if (SLICE_VECS > 14u) { s[AT14] = dout[base + 56u]; }
  if (SLICE_VECS > 15u) { s[AT15] = dout[base + 60u]; }
  return slice_inside(s, lane);
}

fn store_dqkv(head_base: u32, lane: u32, s: Slice) {
  let base = head_base + lane;
  let end = head_base + HEAD_VECS;
  if (base < end) { dqkv[base] = s[0]; }
  if (SLICE_VECS > 1u) { if (base + 4u < end) { dqkv[base + 4u] = s[AT1]; } }
  if (SLICE_VECS > 2u) { if (base + 8u < end) { dqkv[base + 8u] = s[AT2]; } }
  if (SLICE_VECS > 3u) { if (base + 12u < end) { dqkv[base + 12u] = s[AT3]; } }
  if (SLICE_VECS > 4u) { if (base + 16u < end) { dqkv[base + 16u] = s[AT4]; } }
  if (SLICE_VECS > 5u) { if (base + 20u < end) { dqkv[base + 20u] = s[AT5]; } }
  if (SLICE_VECS > 6u) { if (base + 24u < end) { dqkv[base + 24u] = s[AT6]; } }
  if (SLICE_VECS > 7u) { if (base + 28u < end) { dqkv[base + 28u] = s[AT7]; } }
  if (SLICE_VECS > 8u) { if (base + 32u < end) { dqkv[base + 32u] = s[AT8]; } }
  if (SLICE_VECS > 9u) { if (base + 36u < end) { dqkv[base + 36u] = s[AT9]; } }
  if (SLICE_VECS > 10u) { if (base + 40u < end) { dqkv[base + 40u] = s[AT10]; } }
  if (SLICE_VECS > 11u) { if (base + 44u < end) { dqkv[base + 44u] = s[AT11]; } }
  if (SLICE_VECS > 12u) { if (base + 48u < end) { dqkv[base + 48u] = s[AT12]; } }
  if (SLICE_VECS > 13u) { if (base + 52u < end) { dqkv[base + 52u] = s[AT13]; } }
  if (SLICE_VECS > 14u) { if (base + 56u < end) { dqkv[base + 56u] = s[AT14]; } }
  if (SLICE_VECS > 15u) { if (base + 60u < end) { dqkv[base + 60u] = s[AT15]; } }
}
