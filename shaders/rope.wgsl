// Rotates q and k heads in place by their row's position: the pair (x[i], x[i + D/2]) turns by the angle of table row
// `position`, entry i. `turn` -1 undoes it, which is the backward pass: a rotation's transpose is its inverse.
// A lane owns one unit of pairs of HEADS_EACH heads, which share their angles; bandwidth-bound.

@compute @workgroup_size(WG)
fn rope(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let pair = i % HALF;
  let row = i / HALF / (HEADS / HEADS_EACH);
  let head = i / HALF % (HEADS / HEADS_EACH) * HEADS_EACH;
  let angle = 2u * (positions[row] * HALF + pair);
  let a = table[angle];
  let b = table[angle + 1u];
  let cosine = unit_even(a, b);
  let sine = params.turn * unit_odd(a, b);
  let first = row * ROW + head * (2u * HALF) + pair;
  for (var h = 0u; h < HEADS_EACH; h++) { rotate(first + h * (2u * HALF), cosine, sine); }
}
