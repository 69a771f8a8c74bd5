// What a cache of f16 holds of two numbers, as kv_stored_f16.wgsl has it of four.

fn kv_stored(x: vec2f) -> u32 { return pack2x16float(clamp(x, vec2f(-65504.0), vec2f(65504.0))); }
