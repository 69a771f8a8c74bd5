// A lane's slice of a head, written to BUFFER: once for each buffer, as common/slice_load.wgsl.

fn store_BUFFER(head_base: u32, lane: u32, s: Slice) {
  let base = head_base + lane;
  let end = head_base + HEAD_VECS;
  if (base < end) { BUFFER[base] = s[0]; }
  if (SLICE_VECS > 1u) { if (base + 4u < end) { BUFFER[base + 4u] = s[AT1]; } }
  if (SLICE_VECS > 2u) { if (base + 8u < end) { BUFFER[base + 8u] = s[AT2]; } }
  if (SLICE_VECS > 3u) { if (base + 12u < end) { BUFFER[base + 12u] = s[AT3]; } }
  if (SLICE_VECS > 4u) { if (base + 16u < end) { BUFFER[base + 16u] = s[AT4]; } }
  if (SLICE_VECS > 5u) { if (base + 20u < end) { BUFFER[base + 20u] = s[AT5]; } }
  if (SLICE_VECS > 6u) { if (base + 24u < end) { BUFFER[base + 24u] = s[AT6]; } }
  if (SLICE_VECS > 7u) { if (base + 28u < end) { BUFFER[base + 28u] = s[AT7]; } }
  if (SLICE_VECS > 8u) { if (base + 32u < end) { BUFFER[base + 32u] = s[AT8]; } }
  if (SLICE_VECS > 9u) { if (base + 36u < end) { BUFFER[base + 36u] = s[AT9]; } }
  if (SLICE_VECS > 10u) { if (base + 40u < end) { BUFFER[base + 40u] = s[AT10]; } }
  if (SLICE_VECS > 11u) { if (base + 44u < end) { BUFFER[base + 44u] = s[AT11]; } }
  if (SLICE_VECS > 12u) { if (base + 48u < end) { BUFFER[base + 48u] = s[AT12]; } }
  if (SLICE_VECS > 13u) { if (base + 52u < end) { BUFFER[base + 52u] = s[AT13]; } }
  if (SLICE_VECS > 14u) { if (base + 56u < end) { BUFFER[base + 56u] = s[AT14]; } }
  if (SLICE_VECS > 15u) { if (base + 60u < end) { BUFFER[base + 60u] = s[AT15]; } }
}
