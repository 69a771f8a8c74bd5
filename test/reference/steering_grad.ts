/** `grad` [L, C] after grad[layer] (+)= scale * Σ_n dresid[n]. */
export function steeringGrad(
  dresid: Float64Array,
  grad: Float64Array,
  o: { n: number; c: number; layer: number; scale: number; accumulate: boolean },
): Float64Array {
  const out = grad.slice();
  for (let j = 0; j < o.c; j++) {
    let sum = 0;
    for (let row = 0; row < o.n; row++) sum += dresid[row * o.c + j] as number;
    out[o.layer * o.c + j] = (o.accumulate ? (grad[o.layer * o.c + j] as number) : 0) + o.scale * sum;
  }
  return out;
}
