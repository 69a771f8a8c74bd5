// What quad_subgroups.wgsl offers, for adapters without subgroups: a workgroup is one quad, so that its item is uniform
// and barriers are legal in loops over it. Sums in the same order.

var<workgroup> quad_slots: array<f32, 4>;
var<workgroup> quad_parts: array<vec4f, 4>;

fn quad_item(workgroup: u32, local: u32, quads: u32) -> u32 {
  return workgroup;
}

fn quad_values(value: f32, lane: u32) -> vec4f {
  quad_slots[lane] = value;
  workgroupBarrier();
  let values = vec4f(quad_slots[0], quad_slots[1], quad_slots[2], quad_slots[3]);
  workgroupBarrier();
  return values;
}

fn quad_sum(value: f32, lane: u32) -> f32 {
  let v = quad_values(value, lane);
  return (v.x + v.y) + (v.z + v.w);
}

fn quad_max(value: f32, lane: u32) -> f32 {
  let v = quad_values(value, lane);
  return max(max(v.x, v.y), max(v.z, v.w));
}

fn quad_turn(value: f32, lane: u32) -> vec4f {
  quad_slots[lane] = value;
  workgroupBarrier();
  let values = vec4f(value, quad_slots[lane ^ 1u], quad_slots[lane ^ 2u], quad_slots[lane ^ 3u]);
  workgroupBarrier();
  return values;
}

fn quad_turned_sum(parts: vec4f, lane: u32) -> f32 {
  quad_parts[lane] = parts;
  workgroupBarrier();
  let sum = (parts.x + quad_parts[lane ^ 1u].y) + (quad_parts[lane ^ 2u].z + quad_parts[lane ^ 3u].w);
  workgroupBarrier();
  return sum;
}
