// Numbers are rounded to f16 on their way to workgroup memory.
alias TileElement = f16;
alias TileVec = vec4h;
const ELEMENT_BYTES = 2u;

fn tile_x(x: vec4f, row: u32) -> vec4h { return vec4h(x * row_factor(row)); }

fn tile_scale(row: u32) -> f32 { return 1.0 / row_factor(row); }
