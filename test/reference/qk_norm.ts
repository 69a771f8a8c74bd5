import { rmsnorm, rmsnormBackward } from './rmsnorm.ts';
import type { Heads } from './rope.ts';

/** Calls `each` with every q and k head of a row: where it begins, and its weights. */
function eachHead(weight: Float64Array, o: Heads, each: (base: number, weight: Float64Array) => void): void {
  for (let row = 0; row < o.n; row++) {
    for (let head = 0; head < o.heads + o.kvHeads; head++) {
      const from = head < o.heads ? 0 : o.headDim;
      each((row * (o.heads + 2 * o.kvHeads) + head) * o.headDim, weight.subarray(from, from + o.headDim));
    }
  }
}

/** qkv [N, (H + 2 Hkv) D] with RMSNorm over each q head (weight[0..D]) and each k head (weight[D..2D]). */
export function qkNorm(qkv: Float64Array, weight: Float64Array, o: Heads & { eps: number }): Float64Array {
  const out = qkv.slice();
  eachHead(weight, o, (base, w) => {
    const inp = qkv.subarray(base, base + o.headDim);
    out.set(rmsnorm({ inp, weight: w }, { n: 1, c: o.headDim, eps: o.eps }).out, base);
  });
  return out;
}

/** The gradient of `qkNorm`'s input `inp` from that of its output. */
export function qkNormBackward(
  inp: Float64Array,
  weight: Float64Array,
  dqkv: Float64Array,
  o: Heads & { eps: number },
): Float64Array {
  const out = dqkv.slice();
  eachHead(weight, o, (base, w) => {
    const part = { inp: inp.subarray(base, base + o.headDim), weight: w };
    const shape = { n: 1, c: o.headDim };
    const { rstd } = rmsnorm(part, { ...shape, eps: o.eps });
    const dout = dqkv.subarray(base, base + o.headDim);
    out.set(rmsnormBackward({ ...part, rstd, dout, dinp: new Float64Array(o.headDim) }, shape), base);
  });
  return out;
}
