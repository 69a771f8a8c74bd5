/** An exact fraction in lowest terms, `den` above 0. */
export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

/** Larger results are not computed: a hostile answer must not cost time or memory. 2^12 bits are about 1,230 digits. */
const MAX_BITS = 1 << 12;

export const ZERO: Rational = { num: 0n, den: 1n };
export const ONE: Rational = { num: 1n, den: 1n };

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}

/** In lowest terms; undefined for a zero denominator. */
export function rational(num: bigint, den: bigint = 1n): Rational | undefined {
  if (den === 0n) return undefined;
  if (den === 1n) return { num, den };
  let [a, b] = [num < 0n ? -num : num, den < 0n ? -den : den];
  while (b !== 0n) [a, b] = [b, a % b];
  const sign = den < 0n ? -1n : 1n;
  return a === 0n ? ZERO : { num: (sign * num) / a, den: (sign * den) / a };
}

/** Reads digits with an optional fraction and exponent, as `1234.50`, `.5` or `1e-3`. */
export function decimal(text: string): Rational {
  const [digits = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  const scale = BigInt(exponent) - BigInt(fraction.length);
  const value = BigInt(whole + fraction || '0');
  return scale < 0n ? (rational(value, 10n ** -scale) as Rational) : { num: value * 10n ** scale, den: 1n };
}

export function add(a: Rational, b: Rational): Rational | undefined {
  return rational(a.num * b.den + b.num * a.den, a.den * b.den);
}

export function multiply(a: Rational, b: Rational): Rational | undefined {
  return rational(a.num * b.num, a.den * b.den);
}

export function negate(a: Rational): Rational {
  return { num: -a.num, den: a.den };
}

/** Undefined for a zero divisor. */
export function divide(a: Rational, b: Rational): Rational | undefined {
  return rational(a.num * b.den, a.den * b.num);
}

/** Undefined for a fractional exponent, 0 to a power of 0 or less, and results of more than 2^12 bits. */
export function power(base: Rational, exponent: Rational): Rational | undefined {
  if (exponent.den !== 1n) return undefined;
  const size = exponent.num < 0n ? -exponent.num : exponent.num;
  if (base.num === 0n) return exponent.num > 0n ? ZERO : undefined;
  const trivial = base.den === 1n && (base.num === 1n || base.num === -1n);
  if (trivial) return base.num === 1n || size % 2n === 0n ? ONE : base;
  if (size > BigInt(MAX_BITS) || Number(size) * Math.max(bits(base.num), bits(base.den)) > MAX_BITS) return undefined;
  const [num, den] = [base.num ** size, base.den ** size];
  return exponent.num < 0n ? rational(den, num) : rational(num, den);
}

/** Too large to go on with. */
export function tooLarge(a: Rational): boolean {
  return bits(a.num) > MAX_BITS || bits(a.den) > MAX_BITS;
}

export function sameRational(a: Rational, b: Rational): boolean {
  return a.num === b.num && a.den === b.den;
}

/** Rounded half away from zero to 6 decimals, in millionths. */
function millionths(a: Rational): bigint {
  const twice = (2n * (a.num < 0n ? -a.num : a.num) * 1_000_000n) / a.den;
  const rounded = (twice + 1n) / 2n;
  return a.num < 0n ? -rounded : rounded;
}

/** The rule for decimals: equal after rounding to 6 decimals, and within a ten-thousandth of each other's size. */
export function sameDecimal(a: Rational, b: Rational): boolean {
  if (millionths(a) !== millionths(b)) return false;
  const size = (value: bigint) => (value < 0n ? -value : value);
  const difference = size(a.num * b.den - b.num * a.den);
  return difference * 10_000n <= size(a.num * b.den);
}

/** A double; NaN where it holds no such number. */
export function toNumber({ num, den }: Rational): number {
  const shift = Math.max(0, Math.max(bits(num), bits(den)) - 1000);
  if (shift === 0) return Number(num) / Number(den);
  const scale = 1n << BigInt(shift);
  return Number(num / scale) / Number(den / scale);
}
