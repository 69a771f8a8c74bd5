// What is stored as f16 of two numbers: a word.

fn stored(x: vec2f) -> u32 { return half_pair(x); }
