// The only workgroup reductions. WG lanes (a power of two) meet in a fixed tree, so the sum's order never changes.
var<workgroup> reduce_scratch: array<f32, WG>;

fn reduce_sum(lane: u32, value: f32) -> f32 {
  reduce_scratch[lane] = value;
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) { reduce_scratch[lane] += reduce_scratch[lane + stride]; }
  }
  workgroupBarrier();
  let total = reduce_scratch[0];
  workgroupBarrier();
  return total;
}

fn reduce_max(lane: u32, value: f32) -> f32 {
  reduce_scratch[lane] = value;
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) { reduce_scratch[lane] = max(reduce_scratch[lane], reduce_scratch[lane + stride]); }
  }
  workgroupBarrier();
  let largest = reduce_scratch[0];
  workgroupBarrier();
  return largest;
}
