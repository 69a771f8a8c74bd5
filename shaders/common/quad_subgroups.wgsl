// Four neighbouring invocations, a quad, work on one item and exchange scalars by subgroup operations.
// The lanes of a quad always branch alike; other quads of the subgroup may branch otherwise, which the uniformity
// analysis cannot see.

/// The item of this quad, where a workgroup holds `quads` of them.
fn quad_item(workgroup: u32, local: u32, quads: u32) -> u32 {
  return workgroup * quads + local / 4u;
}

@diagnostic(off, subgroup_uniformity)
fn quad_sum(value: f32, lane: u32) -> f32 {
  let pair = value + quadSwapX(value);
  return pair + quadSwapY(pair);
}

// By `select`: attention_slots.wgsl says why.
@diagnostic(off, subgroup_uniformity)
fn quad_max(value: f32, lane: u32) -> f32 {
  let x = quadSwapX(value);
  let pair = select(value, x, value < x);
  let y = quadSwapY(pair);
  return select(pair, y, pair < y);
}

/// Component j is `value` of lane `lane ^ j`.
@diagnostic(off, subgroup_uniformity)
fn quad_turn(value: f32, lane: u32) -> vec4f {
  return vec4f(value, quadSwapX(value), quadSwapY(value), quadSwapDiagonal(value));
}

/// Four sums over the quad, one a lane: component j of `parts` is this lane's part of the sum of lane `lane ^ j`.
@diagnostic(off, subgroup_uniformity)
fn quad_turned_sum(parts: vec4f, lane: u32) -> f32 {
  return (parts.x + quadSwapX(parts.y)) + (quadSwapY(parts.z) + quadSwapDiagonal(parts.w));
}
