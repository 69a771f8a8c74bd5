/** out [N, F] = silu(gate) * up from gateUp [N, 2F]. */
export function swiglu(gateUp: Float64Array, n: number, f: number): Float64Array {
  const out = new Float64Array(n * f);
  for (let row = 0; row < n; row++) {
    for (let j = 0; j < f; j++) {
      const gate = gateUp[row * 2 * f + j] as number;
      out[row * f + j] = gate * sigmoid(gate) * (gateUp[row * 2 * f + f + j] as number);
    }
  }
  return out;
}

/** dgateUp [N, 2F] of `swiglu`. */
export function swigluBackward(gateUp: Float64Array, dout: Float64Array, n: number, f: number): Float64Array {
  const dgateUp = new Float64Array(2 * n * f);
  for (let row = 0; row < n; row++) {
    for (let j = 0; j < f; j++) {
      const gate = gateUp[row * 2 * f + j] as number;
      const up = gateUp[row * 2 * f + f + j] as number;
      const d = dout[row * f + j] as number;
      const s = sigmoid(gate);
      dgateUp[row * 2 * f + j] = d * up * (s + gate * s * sigmoid(-gate));
      dgateUp[row * 2 * f + f + j] = d * gate * s;
    }
  }
  return dgateUp;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
