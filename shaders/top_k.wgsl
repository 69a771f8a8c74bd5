// ids[row, i]: the i-th largest of a row's v logits, ties to the lowest id.
// LANES lanes own a row, a lane every LANES-th vec4 of it. Each of the k passes looks for the first that stands behind the
// one found before, in the order of (logit, id): few passes over a row that is at hand. Bandwidth-bound: k reads.

// Below it a logit counts as it: -inf is a legal mask, and no arithmetic on infinities is promised.
const LOWEST = -1e38;
// Below every logit.
const NOTHING = -2e38;
const NONE = 0xffffffffu;

@compute @workgroup_size(LANES * ROWS)
fn top_k(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = row_of(wg.x + wg.y * nwg.x, local);
  if (row >= params.rows) { return; }
  let lane = local % LANES;
  let count = (params.v + 3u) / 4u;
  // What was found last: it and what stands before it is out of question.
  var value = -NOTHING;
  var id = 0u;
  for (var found = 0u; found < params.k; found++) {
    var best = vec4f(NOTHING);
    var best_id = vec4u(NONE);
    for (var i = lane; i < count; i += LANES) {
      let l = max(logits[row * params.stride4 + i], vec4f(LOWEST));
      let own = vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u);
      let behind = (l < vec4f(value)) | ((l == vec4f(value)) & (own > vec4u(id)));
      let better = behind & (own < vec4u(params.v)) & (l > best);
      best = select(best, l, better);
      best_id = select(best_id, own, better);
    }
    value = row_max(lane, max(max(best.x, best.y), max(best.z, best.w)));
    let equal = select(vec4u(NONE), best_id, best == vec4f(value));
    id = row_lowest(lane, min(min(equal.x, equal.y), min(equal.z, equal.w)));
    if (lane == 0u) { ids[row * params.k + found] = id; }
  }
}
