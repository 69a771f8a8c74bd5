// One tile [R, vt] of logits l into the running statistics of each row's softmax (Milakov & Gimelshein 2018):
//   m' = max(m, max l)   r = exp(m - m')   s' = r s + Σ exp(l - m')   t' = r (t + (m - m') s) + Σ (l - m') exp(l - m')
// and, with KEEP, exp(l - m') in place of l, columns vt to the end of their vec4 zero.
// t is relative to m: Σ p l would lose the entropy's digits where logits are large. Two passes with and without KEEP, so
// that a row's statistics are the same bits with and without a gradient.
// LANES lanes own a row, a lane every LANES-th vec4 of it. Bound by loads and stores, on a processor as well: exp costs
// little beside them.

const LOWEST = -1e38;

fn load_logits(row: u32, i: u32) -> vec4f {
  return select(vec4f(LOWEST), logits[row * params.stride4 + i], vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.vt));
}

@compute @workgroup_size(LANES * ROWS)
fn head_update(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = row_of(wg.x + wg.y * nwg.x, local);
  if (row >= params.rows) { return; }
  let lane = local % LANES;
  let count = (params.vt + 3u) / 4u;

  var top = vec4f(LOWEST);
  for (var i = lane; i < count; i += LANES) { top = max(top, load_logits(row, i)); }
  let tile_max = row_max(lane, max(max(top.x, top.y), max(top.z, top.w)));

  var old = vec4f(tile_max, 0.0, 0.0, 0.0);
  if (params.first == 0u) { old = stats[row]; }
  let m = max(old.x, tile_max);

  var s = vec4f();
  var t = vec4f();
  for (var i = lane; i < count; i += LANES) {
    let d = load_logits(row, i) - m;
    let e = exp(d);
    s += e;
    t += d * e;
    if (KEEP) { logits[row * params.stride4 + i] = e; }
  }
  let sums = row_sum(lane, vec4f((s.x + s.y) + (s.z + s.w), (t.x + t.y) + (t.z + t.w), 0.0, 0.0));

  if (lane == 0u) {
    let r = select(exp(old.x - m), 0.0, params.first != 0u);
    stats[row] = vec4f(m, r * old.y + sums.x, r * (old.z + (old.x - m) * old.y) + sums.y, r);
    rescale[row] = r;
  }
}
