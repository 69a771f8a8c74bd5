/** out [N, C] = inp * rstd * weight, rstd [N] = 1 / sqrt(mean(inp²) + eps). */
export function rmsnorm(
  t: { inp: Float64Array; weight: Float64Array },
  o: { n: number; c: number; eps: number },
): { out: Float64Array; rstd: Float64Array } {
  const out = new Float64Array(o.n * o.c);
  const rstd = new Float64Array(o.n);
  for (let row = 0; row < o.n; row++) {
    let squares = 0;
    for (let j = 0; j < o.c; j++) squares += (t.inp[row * o.c + j] as number) ** 2;
    const r = 1 / Math.sqrt(squares / o.c + o.eps);
    rstd[row] = r;
    for (let j = 0; j < o.c; j++) out[row * o.c + j] = (t.inp[row * o.c + j] as number) * r * (t.weight[j] as number);
  }
  return { out, rstd };
}

/** The gradient of `rmsnorm`'s input, added to what `dinp` holds. */
export function rmsnormBackward(
  t: { inp: Float64Array; weight: Float64Array; rstd: Float64Array; dout: Float64Array; dinp: Float64Array },
  o: { n: number; c: number },
): Float64Array {
  const dinp = t.dinp.slice();
  for (let row = 0; row < o.n; row++) {
    const r = t.rstd[row] as number;
    let dot = 0;
    for (let j = 0; j < o.c; j++) {
      const i = row * o.c + j;
      dot += (t.weight[j] as number) * (t.dout[i] as number) * (t.inp[i] as number);
    }
    for (let j = 0; j < o.c; j++) {
      const i = row * o.c + j;
      const push = r * (t.weight[j] as number) * (t.dout[i] as number) - (((t.inp[i] as number) * r ** 3) / o.c) * dot;
      dinp[i] = (dinp[i] as number) + push;
    }
  }
  return dinp;
}
