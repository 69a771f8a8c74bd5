/** L2 norm of all elements together. */
export function gradNorm(grad: Float64Array): number {
  return Math.sqrt(grad.reduce((sum, g) => sum + g * g, 0));
}

/** One update as torch.optim.AdamW writes it, after torch.nn.utils.clip_grad_norm_; maxNorm 0 clips nothing. */
export function adamw(
  t: { param: Float64Array; grad: Float64Array; m: Float64Array; v: Float64Array; norm: number; rates?: Float64Array },
  o: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; step: number; maxNorm: number },
): { param: Float64Array; m: Float64Array; v: Float64Array } {
  const clip = o.maxNorm > 0 ? Math.min(1, o.maxNorm / (t.norm + 1e-6)) : 1;
  const grad = t.grad.map((g) => g * clip);
  const m = t.m.map((x, i) => o.beta1 * x + (1 - o.beta1) * (grad[i] as number));
  const v = t.v.map((x, i) => o.beta2 * x + (1 - o.beta2) * (grad[i] as number) ** 2);
  const param = t.param.map((x, i) => {
    const mHat = (m[i] as number) / (1 - o.beta1 ** o.step);
    const vHat = (v[i] as number) / (1 - o.beta2 ** o.step);
    // Rows of [L, C] have learning rates of their own where `rates` [L] is given.
    const lr = o.lr * (t.rates?.[Math.floor((i * t.rates.length) / t.param.length)] ?? 1);
    return x * (1 - lr * o.weightDecay) - (lr * mHat) / (Math.sqrt(vHat) + o.eps);
  });
  return { param, m, v };
}

/** Sums of squares over consecutive spans; one zero where there is nothing. */
export function spanSums(grad: Float64Array, span: number): Float64Array {
  return Float64Array.from({ length: Math.max(1, Math.ceil(grad.length / span)) }, (_, g) =>
    grad.slice(g * span, (g + 1) * span).reduce((sum, x) => sum + x * x, 0),
  );
}
