/** Numbers of 16 bits on the host. */

export function f32ToBf16(value: number): number {
  F32[0] = value;
  const bits = U32[0] as number;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function bf16ToF32(bits: number): number {
  U32[0] = bits << 16;
  return F32[0] as number;
}

export function f16ToF32(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rounds to nearest even; overflow gives infinity. */
export function f32ToF16(value: number): number {
  F32[0] = value;
  const bits = U32[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(F32[0] as number);
  if (Number.isNaN(magnitude)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const scaled = roundEven((magnitude / 2 ** exponent) * 1024);
  return sign | (((exponent + 15) << 10) + scaled - 1024);
}

function roundEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1;
  return floor;
}

const F32 = new Float32Array(1);
const U32 = new Uint32Array(F32.buffer);
