alias WeightTile = mat4x4f;

fn weight_block(i: u32) -> mat4x4f { return weight[i]; }
fn weight_row(i: u32, r: u32) -> vec4f { return weight[i][r]; }
