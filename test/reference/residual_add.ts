/** out [N, C] = inp + branch (+ scale * steering[layer]). */
export function residualAdd(
  t: { inp: Float64Array; branch: Float64Array; steering?: Float64Array | undefined },
  o: { n: number; c: number; layer: number; scale: number },
): Float64Array {
  const out = new Float64Array(o.n * o.c);
  for (let row = 0; row < o.n; row++) {
    for (let j = 0; j < o.c; j++) {
      const i = row * o.c + j;
      const push = t.steering ? o.scale * (t.steering[o.layer * o.c + j] as number) : 0;
      out[i] = (t.inp[i] as number) + (t.branch[i] as number) + push;
    }
  }
  return out;
}
