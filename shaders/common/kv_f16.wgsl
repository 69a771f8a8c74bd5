// common/slice_load.wgsl for keys and values in f16, four in two words.

fn kv_at(i: u32) -> vec4f {
  let words = kv[i];
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}

fn load_kv(head_base: u32, lane: u32) -> Slice {
  let base = head_base + lane;
  var s: Slice;
  s[0] = kv_at(base);
  if (SLICE_VECS > 1u) { s[AT1] = kv_at(base + 4u); }
  if (SLICE_VECS > 2u) { s[AT2] = kv_at(base + 8u); }
  if (SLICE_VECS > 3u) { s[AT3] = kv_at(base + 12u); }
  if (SLICE_VECS > 4u) { s[AT4] = kv_at(base + 16u); }
  if (SLICE_VECS > 5u) { s[AT5] = kv_at(base + 20u); }
  if (SLICE_VECS > 6u) { s[AT6] = kv_at(base + 24u); }
  if (SLICE_VECS > 7u) { s[AT7] = kv_at(base + 28u); }
  if (SLICE_VECS > 8u) { s[AT8] = kv_at(base + 32u); }
  if (SLICE_VECS > 9u) { s[AT9] = kv_at(base + 36u); }
  if (SLICE_VECS > 10u) { s[AT10] = kv_at(base + 40u); }
  if (SLICE_VECS > 11u) { s[AT11] = kv_at(base + 44u); }
  if (SLICE_VECS > 12u) { s[AT12] = kv_at(base + 48u); }
  if (SLICE_VECS > 13u) { s[AT13] = kv_at(base + 52u); }
  if (SLICE_VECS > 14u) { s[AT14] = kv_at(base + 56u); }
  if (SLICE_VECS > 15u) { s[AT15] = kv_at(base + 60u); }
  return slice_inside(s, lane);
}
