import { exact } from './exact.ts';
import type { Expr } from './syntax.ts';

/** The largest prime below 2^61 that is 1 modulo 4, so that -1 has a root and i a value. */
const P = 2305843009213693921n;

function power(base: bigint, exponent: bigint): bigint {
  let [result, square, rest] = [1n, base % P, exponent];
  for (; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

function squareRootOfMinusOne(): bigint {
  for (let base = 2n; ; base += 1n) {
    const root = power(base, (P - 1n) / 4n);
    if ((root * root) % P === P - 1n) return root;
  }
}

const I = squareRootOfMinusOne();

/** A fixed value for a variable's name: FNV-1a, stretched over 61 bits. */
export function pointOf(name: string, round: number): bigint {
  let hash = 0xcbf29ce484222325n ^ BigInt(round * 2654435761);
  for (const char of name) hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0) as number)) * 0x100000001b3n);
  for (let i = 0; i < 3; i += 1) hash = BigInt.asUintN(64, (hash ^ (hash >> 29n)) * 0xbf58476d1ce4e5b9n);
  return hash % P;
}

/**
 * The value of a formula of + - * / and whole powers modulo a prime of 61 bits, its variables (π and e among them, which are
 * independent of all whole numbers) at fixed pseudo-random points. Two formulas equal there are the same function but for
 * one chance in about 10^15 (Schwartz, Zippel): nothing is expanded, so a power of a thousand costs what a product does.
 * Undefined for roots, functions and variable exponents, or at a pole.
 */
export function modular(expr: Expr, round: number): bigint | undefined {
  switch (expr.k) {
    case 'num': {
      const den = expr.value.den % P;
      if (den === 0n) return undefined;
      return ((((expr.value.num % P) + P) % P) * power(den, P - 2n)) % P;
    }
    case 'sym':
      return pointOf(expr.name, round);
    case 'const':
      if (expr.name === 'i') return I;
      return expr.name === 'inf' ? undefined : pointOf(`constant ${expr.name}`, round);
    case 'neg': {
      const value = modular(expr.of, round);
      return value === undefined ? undefined : (P - value) % P;
    }
    case 'add':
    case 'mul': {
      let result = expr.k === 'add' ? 0n : 1n;
      for (const part of expr.k === 'add' ? expr.terms : expr.factors) {
        const value = modular(part, round);
        if (value === undefined) return undefined;
        result = expr.k === 'add' ? (result + value) % P : (result * value) % P;
      }
      return result;
    }
    case 'div': {
      const [over, under] = [modular(expr.over, round), modular(expr.under, round)];
      return over === undefined || under === undefined || under === 0n ? undefined : (over * power(under, P - 2n)) % P;
    }
    case 'pow': {
      const exponent = exact(expr.exponent);
      if (exponent?.den !== 1n) {
        const value = exact(expr);
        return value && modular({ k: 'num', value, decimal: false }, round);
      }
      const base = modular(expr.base, round);
      if (base === undefined || (base === 0n && exponent.num <= 0n)) return undefined;
      return exponent.num < 0n ? power(power(base, P - 2n), -exponent.num) : power(base, exponent.num);
    }
    case 'fn': {
      const value = exact(expr);
      return value && modular({ k: 'num', value, decimal: false }, round);
    }
    default:
      return undefined;
  }
}
