// A workgroup of LANES (a power of two) owns one row; its lanes meet in a fixed tree, so that a sum's order never
// changes. Results are uniform: they may govern loops that hold barriers. Same functions as in row_quads.wgsl.

var<workgroup> row_slots: array<vec4f, LANES>;
var<workgroup> row_result: vec4f;
var<workgroup> row_indices: array<u32, LANES>;
var<workgroup> row_index: u32;

fn row_of(workgroup: u32, local: u32) -> u32 {
  return workgroup;
}

fn row_max(lane: u32, value: f32) -> f32 {
  row_slots[lane].x = value;
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) { row_slots[lane].x = max(row_slots[lane].x, row_slots[lane + stride].x); }
  }
  if (lane == 0u) { row_result = row_slots[0]; }
  return workgroupUniformLoad(&row_result).x;
}

fn row_sum(lane: u32, value: vec4f) -> vec4f {
  row_slots[lane] = value;
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) { row_slots[lane] += row_slots[lane + stride]; }
  }
  if (lane == 0u) { row_result = row_slots[0]; }
  return workgroupUniformLoad(&row_result);
}

fn row_lowest(lane: u32, index: u32) -> u32 {
  row_indices[lane] = index;
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) { row_indices[lane] = min(row_indices[lane], row_indices[lane + stride]); }
  }
  if (lane == 0u) { row_index = row_indices[0]; }
  return workgroupUniformLoad(&row_index);
}

// The lane in which the running sum of the lanes' masses passes `goal`, and what of the goal is left inside it; the last
// lane with any mass where rounding leaves the goal beyond the sum.
fn row_find(lane: u32, mass: f32, goal: f32) -> vec2f {
  row_slots[lane].x = mass;
  workgroupBarrier();
  if (lane == 0u) {
    var found = vec2f(0.0, goal);
    var before = 0.0;
    for (var j = 0u; j < LANES && before <= goal; j++) {
      let own = row_slots[j].x;
      if (own > 0.0) { found = vec2f(f32(j), goal - before); }
      before += own;
    }
    row_result = vec4f(found, 0.0, 0.0);
  }
  return workgroupUniformLoad(&row_result).xy;
}
