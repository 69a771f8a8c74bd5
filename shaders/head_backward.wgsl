// dhidden[r] = 1/temperature · Σ_p coef[p] (W[target_p] - acc[r] / s[r]) over the row's pairs, in their order:
// of those whose target is one of the weight's rows, first and on; the parts after the one that begins at 0 add.
// d logp / d hidden = (W_y - Σ_v p_v W_v) / temperature, and acc / s is that expectation.
// A lane owns one unit of one row of [R, C]. Latency-bound: one row of W a pair.

@compute @workgroup_size(WG)
fn head_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let row = i / params.row_units;
  let column = (i - row * params.row_units) * WIDTH;
  let mean = acc[i] / stats[row].y;
  let blocks = (params.c + 3u) / 4u;
  var sum = Unit();
  let end = pair_start[row + 1u];
  for (var pair = pair_start[row]; pair < end; pair++) {
    let token = targets[pair] - params.first;
    if (targets[pair] < params.first || token >= params.vocab) { continue; }
    let four = weight_row((token / 4u) * blocks + column / 4u, token % 4u);
    sum += coef[pair] * (unit_of(four, column % 4u) - mean);
  }
  if (params.first == 0u) { dhidden[i] = params.inv_temperature * sum; } else { dhidden[i] += params.inv_temperature * sum; }
}
