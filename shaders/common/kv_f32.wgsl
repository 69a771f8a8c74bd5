// The i-th four numbers of keys and values in f32.

fn kv_at(i: u32) -> vec4f { return kv[i]; }
