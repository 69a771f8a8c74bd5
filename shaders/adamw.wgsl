// g = grad · min(1, max_norm / (norm + 1e-6))    (torch.nn.utils.clip_grad_norm_)
// param *= 1 - lr · decay;  m += (1 - beta1)(g - m);  v = beta2 v + (1 - beta2) g²
// param -= lr / (1 - beta1^t) · m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
// The host gives shrink = 1 - lr · decay, step_size = lr / (1 - beta1^t) and root_correction = sqrt(1 - beta2^t).
// With PER_ROW the step of each row of [.., params.row] is times rates[row].
// A lane owns one element. Bandwidth-bound.

@compute @workgroup_size(WG)
fn adamw(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.n) { return; }
  var clip = 1.0;
  if (params.max_norm > 0.0) { clip = min(1.0, params.max_norm / (norm[0] + 1e-6)); }
  let g = grad[i] * clip;
  let first = m[i] + params.rate1 * (g - m[i]);
  let second = params.beta2 * v[i] + params.rate2 * g * g;
  m[i] = first;
  v[i] = second;
  var step_size = params.step_size;
  if (PER_ROW) { step_size *= rates[i / params.row]; }
  param[i] = params.shrink * param[i] - step_size * first / (sqrt(second) / params.root_correction + params.eps);
}
