// grad[layer] (+)= scale * (partial[0] + partial[1] + ...), summed in that order. Second stage; a lane owns one column unit.

@compute @workgroup_size(WG)
fn steering_grad_total(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  if (column >= params.row_units) { return; }
  var sum = Unit(0.0);
  for (var p = 0u; p < params.partials; p++) {
    sum += partial_sums[p * params.row_units + column];
  }
  let at = params.layer * params.row_units + column;
  let before = select(Unit(0.0), grad[at], params.accumulate == 1u);
  grad[at] = before + params.scale * sum;
}
