/** out[m, offset + n] = scale * Σ_k inp[m, k] weight[first + n, k] + bias[n] (+ before), rows of `outStride`. */
export function linear(
  t: { inp: Float64Array; weight: Float64Array; bias?: Float64Array; out?: Float64Array },
  o: { m: number; n: number; k: number; first?: number; outStride?: number; outOffset?: number; scale?: number },
): Float64Array {
  const { m, n, k, first = 0, outStride = n, outOffset = 0, scale = 1 } = o;
  const out = t.out ? Float64Array.from(t.out) : new Float64Array(m * outStride);
  for (let row = 0; row < m; row++) {
    for (let c = 0; c < n; c++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += (t.inp[row * k + i] as number) * (t.weight[(first + c) * k + i] as number);
      out[row * outStride + outOffset + c] =
        (out[row * outStride + outOffset + c] as number) + scale * sum + (t.bias?.[c] ?? 0);
    }
  }
  return out;
}

/** dinp[m, k] = Σ_n dout[m, offset + n] weight[first + n, k] (+ rowScale[m] * before). */
export function linearBackward(
  t: { dout: Float64Array; weight: Float64Array; rowScale?: Float64Array; dinp?: Float64Array },
  o: { m: number; n: number; k: number; first?: number; doutStride?: number; doutOffset?: number },
): Float64Array {
  const { m, n, k, first = 0, doutStride = n, doutOffset = 0 } = o;
  const dinp = new Float64Array(m * k);
  for (let row = 0; row < m; row++) {
    for (let c = 0; c < k; c++) {
      let sum = (t.rowScale?.[row] ?? 1) * (t.dinp?.[row * k + c] ?? 0);
      for (let i = 0; i < n; i++) {
        sum += (t.dout[row * doutStride + doutOffset + i] as number) * (t.weight[(first + i) * k + c] as number);
      }
      dinp[row * k + c] = sum;
    }
  }
  return dinp;
}
