// Blocks of sixteen 16-bit numbers, bound as their rows: one is read without the others.
alias WeightRows = vec2u;

fn weight_row(i: u32, r: u32) -> vec4f { return halves(weight[4u * i + r]); }
