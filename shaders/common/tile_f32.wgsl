// Numbers lie in workgroup memory as they are.
alias TileVec = vec4f;

fn tile_x(x: vec4f, row: u32) -> vec4f { return x; }

fn tile_scale(row: u32) -> f32 { return 1.0; }

fn prepare_rows(lane: u32, first_row: u32) {}
