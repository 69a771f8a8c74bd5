// Blocks of sixteen 16-bit numbers, a row in two words.
struct WeightTile { lo: vec4u, hi: vec4u }
alias WeightScales = u32;

fn weight_scales(i: u32) -> WeightScales { return 0u; }

fn weight_block(i: u32, s: WeightScales) -> mat4x4f {
  let b = weight[i];
  return mat4x4f(halves(b.lo.xy), halves(b.lo.zw), halves(b.hi.xy), halves(b.hi.zw));
}

fn weight_row(i: u32, r: u32) -> vec4f {
  let b = weight[i];
  let two = select(b.lo, b.hi, r >= 2u);
  return halves(select(two.xy, two.zw, (r & 1u) == 1u));
}
