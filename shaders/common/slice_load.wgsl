// A lane's slice of a head, read from BUFFER: this file stands once for each buffer of f32 that slices are read from, its name
// in place of BUFFER, for WGSL passes no storage pointer to a function.

fn load_BUFFER(head_base: u32, lane: u32) -> Slice {
  let base = head_base + lane;
  var s: Slice;
  s[0] = BUFFER[base];
  if (SLICE_VECS > 1u) { s[AT1] = BUFFER[base + 4u]; }
  if (SLICE_VECS > 2u) { s[AT2] = BUFFER[base + 8u]; }
  if (SLICE_VECS > 3u) { s[AT3] = BUFFER[base + 12u]; }
  if (SLICE_VECS > 4u) { s[AT4] = BUFFER[base + 16u]; }
  if (SLICE_VECS > 5u) { s[AT5] = BUFFER[base + 20u]; }
  if (SLICE_VECS > 6u) { s[AT6] = BUFFER[base + 24u]; }
  if (SLICE_VECS > 7u) { s[AT7] = BUFFER[base + 28u]; }
  if (SLICE_VECS > 8u) { s[AT8] = BUFFER[base + 32u]; }
  if (SLICE_VECS > 9u) { s[AT9] = BUFFER[base + 36u]; }
  if (SLICE_VECS > 10u) { s[AT10] = BUFFER[base + 40u]; }
  if (SLICE_VECS > 11u) { s[AT11] = BUFFER[base + 44u]; }
  if (SLICE_VECS > 12u) { s[AT12] = BUFFER[base + 48u]; }
  if (SLICE_VECS > 13u) { s[AT13] = BUFFER[base + 52u]; }
  if (SLICE_VECS > 14u) { s[AT14] = BUFFER[base + 56u]; }
  if (SLICE_VECS > 15u) { s[AT15] = BUFFER[base + 60u]; }
  return slice_inside(s, lane);
}
