// What is stored as f16 of two numbers, as stored_f16.wgsl has it of four.

fn stored(x: vec2f) -> u32 { return pack2x16float(clamp(x, vec2f(-65504.0), vec2f(65504.0))); }
