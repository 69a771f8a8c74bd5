// The i-th four numbers of keys and values in f16, two words.

fn kv_at(i: u32) -> vec4f {
  let words = kv[i];
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
