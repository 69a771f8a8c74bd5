import { add, divide, multiply, negate, ONE, power, type Rational, rational, tooLarge, ZERO } from './rational.ts';
import type { Expr } from './syntax.ts';

const MAX_FACTORIAL = 1000;

function fold(
  parts: readonly Expr[],
  start: Rational,
  step: (a: Rational, b: Rational) => Rational | undefined,
): Rational | undefined {
  let result: Rational | undefined = start;
  for (const part of parts) {
    const value = exact(part);
    result = value && result && step(result, value);
    if (!result || tooLarge(result)) return undefined;
  }
  return result;
}

/** The integer root of a perfect power, as √4 or \sqrt[3]{8/27}. */
function root(base: Rational, degree: bigint): Rational | undefined {
  if (degree < 2n || degree > 64n || base.num < 0n) return undefined;
  const integer = (value: bigint): bigint | undefined => {
    let guess = BigInt(Math.round(Number(value) ** (1 / Number(degree))) || 0);
    // A double is a little off for large roots: Newton's steps settle it.
    for (let i = 0; i < 100 && guess > 0n; i += 1) {
      const next = ((degree - 1n) * guess + value / guess ** (degree - 1n)) / degree;
      if (next === guess) break;
      guess = next;
    }
    return [guess - 1n, guess, guess + 1n].find((candidate) => candidate >= 0n && candidate ** degree === value);
  };
  if (Number(base.num) > 1e300 || Number(base.den) > 1e300) return undefined;
  const [num, den] = [integer(base.num), integer(base.den)];
  return num !== undefined && den !== undefined ? rational(num, den) : undefined;
}

function factorial(n: Rational): Rational | undefined {
  if (n.den !== 1n || n.num < 0n || n.num > BigInt(MAX_FACTORIAL)) return undefined;
  let product = 1n;
  for (let i = 2n; i <= n.num; i += 1n) product *= i;
  return { num: product, den: 1n };
}

function call(name: string, args: readonly Rational[]): Rational | undefined {
  const [first, second] = args;
  if (!first) return undefined;
  if (name === 'abs') return first.num < 0n ? negate(first) : first;
  if (name === 'factorial') return factorial(first);
  if (name === 'binom' && second) {
    const [n, k] = [factorial(first), factorial(second)];
    const rest = add(first, negate(second));
    const both = rest && factorial(rest);
    const under = k && both && multiply(k, both);
    return n && under && divide(n, under);
  }
  if (name === 'max' || name === 'min') {
    return args.reduce((a, b) => (a.num * b.den > b.num * a.den === (name === 'max') ? a : b));
  }
  return undefined;
}

/** The value of an expression of whole numbers, as a fraction; undefined where it is none, or too large to write out. */
export function exact(expr: Expr): Rational | undefined {
  switch (expr.k) {
    case 'num':
      return expr.value;
    case 'neg': {
      const value = exact(expr.of);
      return value && negate(value);
    }
    case 'add':
      return fold(expr.terms, ZERO, add);
    case 'mul':
      return fold(expr.factors, ONE, multiply);
    case 'div': {
      const [over, under] = [exact(expr.over), exact(expr.under)];
      return over && under && divide(over, under);
    }
    case 'pow': {
      const exponent = exact(expr.exponent);
      const base = exponent && exact(expr.base);
      if (!base || !exponent) return undefined;
      if (exponent.den === 1n) return power(base, exponent);
      const rooted = root(base, exponent.den);
      return rooted && power(rooted, { num: exponent.num, den: 1n });
    }
    case 'fn': {
      const args = expr.args.map(exact);
      return args.every((arg) => arg !== undefined) ? call(expr.name, args) : undefined;
    }
    default:
      return undefined;
  }
}
