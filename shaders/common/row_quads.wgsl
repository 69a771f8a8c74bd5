// Four neighbouring lanes share a row and meet by quad operations, ROWS such quads a workgroup: for adapters that run
// shaders on a processor, where a barrier costs more than a row's work. The four always take the same branches.
// Same functions as in row_workgroup.wgsl; LANES is 4.

fn row_of(workgroup: u32, local: u32) -> u32 {
  return workgroup * ROWS + local / LANES;
}

@diagnostic(off, subgroup_uniformity)
fn row_max(lane: u32, value: f32) -> f32 {
  let pair = max(value, quadSwapX(value));
  return max(pair, quadSwapY(pair));
}

@diagnostic(off, subgroup_uniformity)
fn row_sum(lane: u32, value: vec4f) -> vec4f {
  let pair = value + quadSwapX(value);
  return pair + quadSwapY(pair);
}

@diagnostic(off, subgroup_uniformity)
fn row_lowest(lane: u32, index: u32) -> u32 {
  let pair = min(index, quadSwapX(index));
  return min(pair, quadSwapY(pair));
}

// The lane in which the running sum of the lanes' masses passes `goal`, and what of the goal is left inside it; the last
// lane with any mass where rounding leaves the goal beyond the sum.
@diagnostic(off, subgroup_uniformity)
fn row_find(lane: u32, mass: f32, goal: f32) -> vec2f {
  let a = quadBroadcast(mass, 0u);
  let b = quadBroadcast(mass, 1u);
  let c = quadBroadcast(mass, 2u);
  let d = quadBroadcast(mass, 3u);
  var found = vec2f(0.0, goal);
  if (b > 0.0 && a <= goal) { found = vec2f(1.0, goal - a); }
  if (c > 0.0 && a + b <= goal) { found = vec2f(2.0, goal - (a + b)); }
  if (d > 0.0 && a + b + c <= goal) { found = vec2f(3.0, goal - (a + b + c)); }
  return found;
}
