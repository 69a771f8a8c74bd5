// kl[row] = KL(softmax(logits) ‖ softmax(other)) = Σ q ((l - m) - (o - n)) - ln s + ln t,  q = exp(l - m) / s
// (m, s) and (n, t) are the rows' maxima and sums of exponentials, as head_update.wgsl leaves them.
// LANES lanes own a row, a lane every LANES-th vec4 of it. Bandwidth-bound: two reads.

// Below it a logit counts as it: what is masked in one of the two would be an infinite difference times zero.
const LOWEST = -1e4;

@compute @workgroup_size(LANES * ROWS)
fn softmax_kl(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = row_of(wg.x + wg.y * nwg.x, local);
  if (row >= params.rows) { return; }
  let lane = local % LANES;
  let own = stats[row];
  let others = other_stats[row];
  let count = (params.v + 3u) / 4u;
  var sum = vec4f();
  for (var i = lane; i < count; i += LANES) {
    let inside = vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.v);
    let a = max(logits[row * params.stride4 + i] - own.x, vec4f(LOWEST));
    let b = max(other[row * params.stride4 + i] - others.x, vec4f(LOWEST));
    sum += select(vec4f(), exp(a) * (a - b), inside);
  }
  let total = row_sum(lane, vec4f((sum.x + sum.y) + (sum.z + sum.w), 0.0, 0.0, 0.0)).x;
  // Rounding may leave a little less than nothing.
  if (lane == 0u) { kl[row] = max(total / own.y - log(own.y) + log(others.y), 0.0); }
}
