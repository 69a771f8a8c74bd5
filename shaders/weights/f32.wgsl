alias WeightTile = mat4x4f;
alias WeightScales = u32;

fn weight_scales(i: u32) -> WeightScales { return 0u; }
fn weight_block(i: u32, s: WeightScales) -> mat4x4f { return weight[i]; }
alias WeightRows = WeightTile;
fn weight_row(i: u32, r: u32) -> vec4f { return weight[i][r]; }
