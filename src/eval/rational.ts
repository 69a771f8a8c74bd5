/** An exact fraction in lowest terms, `den` above 0. */
export interface Rational {
  num: bigint;
  den: bigint;
}

/** Longer numbers and larger exponents are not read as numbers: a hostile answer must not cost time or memory. */
const MAX_DIGITS = 200;
const MAX_EXPONENT = 200;

const UNSIGNED = String.raw`(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+`;
const NUMBER = new RegExp(String.raw`^([+-]?)(${UNSIGNED})(?:[eE]([+-]?\d{1,4}))?$`);
const SCIENTIFIC = new RegExp(
  String.raw`^([+-]?(?:${UNSIGNED}))\s*(?:\\times|\\cdot|×|\*)\s*10\^(?:\{([+-]?\d{1,4})\}|(\d))$`,
);
const LATEX_FRACTION = /^([+-]?)(\d*)\s*\\frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}$/;
const MIXED = /^([+-]?)(\d+)\s+(\d+)\/(\d+)$/;

function rational(num: bigint, den: bigint): Rational | undefined {
  if (den === 0n) return undefined;
  let [a, b] = [num < 0n ? -num : num, den < 0n ? -den : den];
  while (b !== 0n) [a, b] = [b, a % b];
  const sign = den < 0n ? -1n : 1n;
  return a === 0n ? { num: 0n, den: 1n } : { num: (sign * num) / a, den: (sign * den) / a };
}

function parseDecimal(text: string): Rational | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const [, sign = '', digits = '', exponentText = '0'] = match;
  const [whole = '', fraction = ''] = digits.replaceAll(',', '').split('.');
  const exponent = Number(exponentText) - fraction.length;
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined;
  const value = BigInt(sign === '-' ? -1 : 1) * BigInt(whole + fraction || '0');
  const scale = 10n ** BigInt(Math.abs(exponent));
  return exponent < 0 ? rational(value, scale) : rational(value * scale, 1n);
}

function divide(a: Rational | undefined, b: Rational | undefined): Rational | undefined {
  return a && b ? rational(a.num * b.den, a.den * b.num) : undefined;
}

function mixed(sign: string, whole: string, part: Rational | undefined): Rational | undefined {
  if (!part) return undefined;
  const value = rational(BigInt(whole || '0') * part.den + part.num, part.den);
  return value && sign === '-' ? { num: -value.num, den: value.den } : value;
}

/**
 * Reads a number exactly: `1,234`, `-2.50`, `.5`, `7.`, `3/4`, `2 1/2`, `1e-3`, `3\times10^{8}`, `\frac{3}{4}`, `2\frac{1}{2}`.
 * Undefined for everything else, among it division by zero and numbers of more than 200 digits.
 */
export function parseRational(text: string): Rational | undefined {
  if (text.length > MAX_DIGITS) return undefined;
  const latex = LATEX_FRACTION.exec(text);
  if (latex) {
    const [, sign = '', whole = '', top = '', bottom = ''] = latex;
    const part = divide(parseDecimal(top.trim()), parseDecimal(bottom.trim()));
    // A whole number goes with a positive part only: 2\frac{-1}{2} is no mixed number.
    return whole !== '' && part && part.num < 0n ? undefined : mixed(sign, whole, part);
  }
  const mixedNumber = MIXED.exec(text);
  if (mixedNumber) {
    const [, sign = '', whole = '', top = '', bottom = ''] = mixedNumber;
    return mixed(sign, whole, rational(BigInt(top), BigInt(bottom)));
  }
  const scientific = SCIENTIFIC.exec(text);
  if (scientific) return parseDecimal(`${scientific[1]}e${scientific[2] ?? scientific[3]}`);
  const slash = text.indexOf('/');
  if (slash < 0) return parseDecimal(text);
  return divide(parseDecimal(text.slice(0, slash).trim()), parseDecimal(text.slice(slash + 1).trim()));
}

/** Equality of two fractions in lowest terms. */
export function sameRational(a: Rational, b: Rational): boolean {
  return a.num === b.num && a.den === b.den;
}
