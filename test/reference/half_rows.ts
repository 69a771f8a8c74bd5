/** The nearest f16 number, ties to even; beyond the largest it is that. */
export function half(x: number): number {
  if (x === 0) return x;
  const size = Math.min(Math.abs(x), 65504);
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const unit = 2 ** (exponent - 10);
  const low = Math.floor(size / unit);
  const rest = size / unit - low;
  const up = rest > 0.5 || (rest === 0.5 && low % 2 === 1);
  return Math.sign(x) * Math.min(65504, (low + (up ? 1 : 0)) * unit);
}
