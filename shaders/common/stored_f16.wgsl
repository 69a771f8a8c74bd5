// What is stored as f16 of four numbers: two words.

fn stored(x: vec4f) -> vec2u { return vec2u(half_pair(x.xy), half_pair(x.zw)); }
