import { exact } from './exact.ts';
import { toNumber } from './rational.ts';
import type { Expr } from './syntax.ts';

export interface Complex {
  readonly re: number;
  readonly im: number;
}

const real = (re: number): Complex => ({ re, im: 0 });

const plus = (a: Complex, b: Complex): Complex => ({ re: a.re + b.re, im: a.im + b.im });
const mul = (a: Complex, b: Complex): Complex => ({ re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re });
const minus = (a: Complex): Complex => ({ re: -a.re, im: -a.im });
const log = (a: Complex): Complex => ({ re: Math.log(Math.hypot(a.re, a.im)), im: Math.atan2(a.im, a.re) });

function over(a: Complex, b: Complex): Complex {
  const size = b.re * b.re + b.im * b.im;
  return { re: (a.re * b.re + a.im * b.im) / size, im: (a.im * b.re - a.re * b.im) / size };
}

function exp(a: Complex): Complex {
  const size = Math.exp(a.re);
  return a.im === 0 ? real(size) : { re: size * Math.cos(a.im), im: size * Math.sin(a.im) };
}

function pow(base: Complex, exponent: Complex): Complex {
  if (base.im === 0 && exponent.im === 0) {
    if (base.re >= 0 || Number.isInteger(exponent.re)) return real(base.re ** exponent.re);
    // The real root of odd degree, as school has it: \sqrt[3]{-8} is -2.
    const degree = 1 / exponent.re;
    if (Math.abs(degree - Math.round(degree)) < 1e-12 && Math.round(degree) % 2 !== 0)
      return real(-((-base.re) ** exponent.re));
  }
  if (base.re === 0 && base.im === 0) return exponent.re > 0 ? real(0) : real(Number.NaN);
  return exp(mul(exponent, log(base)));
}

function factorial(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > 170) return Number.NaN;
  let product = 1;
  for (let i = 2; i <= n; i += 1) product *= i;
  return product;
}

const REAL: Readonly<Record<string, (x: number, y: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  cot: (x) => 1 / Math.tan(x),
  sec: (x) => 1 / Math.cos(x),
  csc: (x) => 1 / Math.sin(x),
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  arccot: (x) => Math.PI / 2 - Math.atan(x),
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  factorial,
  binom: (n, k) => factorial(n) / (factorial(k) * factorial(n - k)),
  max: Math.max,
  min: Math.min,
};

function call(name: string, args: readonly Complex[]): Complex {
  const [first, second] = args as [Complex, Complex | undefined];
  if (name === 'abs') return real(Math.hypot(first.re, first.im));
  if (name === 'exp') return exp(first);
  if (name === 'ln') return log(first);
  if (name === 'lg') return over(log(first), real(Math.LN10));
  // Without a base it is the decimal logarithm, as in the school books that MATH draws on.
  if (name === 'log') return over(log(first), second ? log(second) : real(Math.LN10));
  const known = Object.hasOwn(REAL, name) && args.every((arg) => arg.im === 0) ? REAL[name] : undefined;
  return real(known ? known(first.re, second?.re ?? Number.NaN) : Number.NaN);
}

/** The value in double precision with the variables at the given points; NaN where it has none. */
export function numeric(expr: Expr, at: (name: string) => number): Complex {
  const value = (part: Expr) => numeric(part, at);
  switch (expr.k) {
    case 'num':
      return real(toNumber(expr.value));
    case 'sym':
      return real(at(expr.name));
    case 'const':
      if (expr.name === 'i') return { re: 0, im: 1 };
      return real({ pi: Math.PI, e: Math.E, inf: Number.POSITIVE_INFINITY }[expr.name]);
    case 'neg':
      return minus(value(expr.of));
    case 'add':
      return expr.terms.map(value).reduce(plus);
    case 'mul':
      return expr.factors.map(value).reduce(mul);
    case 'div':
      return over(value(expr.over), value(expr.under));
    case 'pow': {
      const exponent = exact(expr.exponent);
      return pow(value(expr.base), exponent ? real(toNumber(exponent)) : value(expr.exponent));
    }
    case 'deg':
      return mul(value(expr.of), real(Math.PI / 180));
    case 'fn':
      return call(expr.name, expr.args.map(value));
    default:
      return real(Number.NaN);
  }
}

/** The names of the variables in a formula. */
export function variables(expr: Expr, into: Set<string> = new Set()): Set<string> {
  const all = (parts: readonly Expr[]) => {
    for (const part of parts) variables(part, into);
  };
  if (expr.k === 'sym') into.add(expr.name);
  else if (expr.k === 'add') all(expr.terms);
  else if (expr.k === 'mul') all(expr.factors);
  else if (expr.k === 'div') all([expr.over, expr.under]);
  else if (expr.k === 'pow') all([expr.base, expr.exponent]);
  else if (expr.k === 'neg' || expr.k === 'pm' || expr.k === 'deg') all([expr.of]);
  else if (expr.k === 'fn') all(expr.args);
  return into;
}
