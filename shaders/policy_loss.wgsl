// Per pair, with A = advantage (times the token's weight w):
//   loss = -A logp, or with RATIO -min(ρ A, clamp(ρ, low, high) A), ρ = exp(logp - old);
//   with SEQUENCE ρ = exp(ratio.x) is the completion's, and d Σ_p ρ / d logp = ρ ratio.y
//   with KL: loss += beta w k3, k3 = exp(d) - d - 1, d = ref - logp
//   coef = d loss / d logp; terms = (loss, w k3)
// A lane owns one pair. Bandwidth-bound, and small beside everything else.

// exp(d) - d - 1 loses all digits near 0, where the steered and the unsteered model hardly differ.
fn k3(d: f32) -> f32 {
  if (abs(d) > 0.25) { return exp(d) - d - 1.0; }
  return 0.5 * d * d * (1.0 + d / 3.0 * (1.0 + d / 4.0 * (1.0 + d / 5.0 * (1.0 + d / 6.0 * (1.0 + d / 7.0)))));
}

@compute @workgroup_size(WG)
fn policy_loss(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.pairs) { return; }
  let lp = logp[i];
  let a = advantage[i];
  var loss = -a * lp;
  var gradient = -a;
  if (RATIO) {
    var exponent = lp - old_logp[i];
    var share = 1.0;
    if (SEQUENCE) {
      exponent = ratio[i].x;
      share = ratio[i].y;
    }
    let rho = exp(exponent);
    let free = rho * a;
    let clipped = clamp(rho, params.ratio_low, params.ratio_high) * a;
    loss = -min(free, clipped);
    gradient = select(-free * share, 0.0, clipped < free);
  }
  var divergence = 0.0;
  if (KL) {
    let d = ref_logp[i] - lp;
    let excess = k3(d);
    divergence = weight[i] * excess;
    loss += params.beta * divergence;
    gradient -= params.beta * weight[i] * (d + excess);
  }
  coef[i] = gradient;
  terms[i] = vec2f(loss, divergence);
}
