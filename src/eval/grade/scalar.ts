import { exact } from './exact.ts';
import { modular, pointOf } from './modular.ts';
import { type Complex, numeric, variables } from './numeric.ts';
import { sameDecimal, sameRational } from './rational.ts';
import { parts } from './settle.ts';
import type { Expr } from './syntax.ts';

const MODULAR_ROUNDS = 2;
const NUMERIC_ROUNDS = 8;
/** Doubles lose some digits on the way; formulas that differ do so by far more at points of which one was not chosen for it. */
const RELATIVE = 1e-9;
/** Between constants nothing was chosen at random: 10⁹+√2 and 10⁹+√3 are told apart as far as doubles go. */
const RELATIVE_CONSTANT = 1e-13;
const ABSOLUTE = 1e-12;

/**
 * Between 0.4 and 2.6 in size; where `wide`, 30 times that in the second half of the rounds, so that |x-3| and \max(x,5) are seen
 * on both sides of their corners. Two of the rounds have every variable below zero, where √(x²) is not x; two more have some there.
 */
function realPoint(name: string, round: number, wide: boolean): number {
  const share = Number(pointOf(name, round + 100) % 1_000_003n) / 1_000_003;
  const negative = round % 4 === 1 || (round % 2 === 1 && pointOf(name, round + 200) % 2n === 1n);
  const size = (0.4 + 2.2 * share) * (wide && round >= NUMERIC_ROUNDS / 2 ? 30 : 1);
  return negative ? -size : size;
}

/** Whether a formula may bend somewhere. Others are left near 1, where \cosh²x - \sinh²x keeps its digits. */
function hasCorners(expr: Expr): boolean {
  if (expr.k === 'fn' && ['abs', 'max', 'min'].includes(expr.name)) return true;
  if (expr.k === 'pow' && exact(expr.exponent)?.den !== 1n && variables(expr.base).size > 0) return true;
  return parts(expr).some(hasCorners);
}

function isDecimal(expr: Expr): boolean {
  return (expr.k === 'num' && expr.decimal) || (expr.k === 'neg' && isDecimal(expr.of));
}

function close(a: Complex, b: Complex, relative = RELATIVE): boolean {
  const size = Math.max(Math.hypot(a.re, a.im), Math.hypot(b.re, b.im));
  return Math.hypot(a.re - b.re, a.im - b.im) <= relative * size + ABSOLUTE;
}

function infinity(expr: Expr): number {
  if (expr.k === 'const' && expr.name === 'inf') return 1;
  if (expr.k === 'neg') return -infinity(expr.of);
  return expr.k === 'add' && expr.terms.length === 1 ? infinity(expr.terms[0] as Expr) : 0;
}

const MILLION = 1e6;

/** One side a decimal: equal after rounding to 6 decimals, as 0.333333 and 1/3 are. */
function sameRounded(a: Expr, b: Expr): boolean {
  const [left, right] = [exact(a), exact(b)];
  if (left && right) return sameDecimal(left, right);
  if (variables(a).size > 0 || variables(b).size > 0) return false;
  const none = () => Number.NaN;
  const [x, y] = [numeric(a, none), numeric(b, none)];
  if (Math.abs(x.im) > ABSOLUTE || Math.abs(y.im) > ABSOLUTE) return false;
  if (Math.round(x.re * MILLION) !== Math.round(y.re * MILLION)) return false;
  return Math.abs(x.re - y.re) <= 1e-4 * Math.abs(x.re) && Number.isFinite(x.re);
}

/** Whether two formulas have the same value wherever both have one. Exact for fractions, and modulo a prime for rational functions. */
export function sameScalar(a: Expr, b: Expr): boolean {
  const [left, right] = [infinity(a), infinity(b)];
  if (left !== 0 || right !== 0) return left === right;
  if (isDecimal(a) || isDecimal(b)) return sameRounded(a, b);
  const [x, y] = [exact(a), exact(b)];
  if (x && y) return sameRational(x, y);
  return sameFunction(a, b);
}

function sameFunction(a: Expr, b: Expr): boolean {
  let compared = 0;
  for (let round = 0; round < MODULAR_ROUNDS; round += 1) {
    const left = modular(a, round);
    const right = left === undefined ? undefined : modular(b, round);
    if (left === undefined || right === undefined) break;
    if (left !== right) return false;
    compared += 1;
  }
  return compared === MODULAR_ROUNDS || sameNumerically(a, b);
}

function sameNumerically(a: Expr, b: Expr): boolean {
  let compared = 0;
  const constant = variables(a).size === 0 && variables(b).size === 0;
  const wide = hasCorners(a) || hasCorners(b);
  for (let round = 0; round < (constant ? 1 : NUMERIC_ROUNDS); round += 1) {
    const at = (name: string) => realPoint(name, round, wide);
    const [left, right] = [numeric(a, at), numeric(b, at)];
    const [known, alsoKnown] = [left, right].map(({ re, im }) => Number.isFinite(re) && Number.isFinite(im));
    if (!known && !alsoKnown) continue;
    if (!known || !alsoKnown || !close(left, right, constant ? RELATIVE_CONSTANT : RELATIVE)) return false;
    compared += 1;
  }
  return compared >= (constant ? 1 : 3);
}

function minus(a: Expr, b: Expr): Expr {
  return { k: 'add', terms: [a, { k: 'neg', of: b }] };
}

/**
 * Whether a - b and c - d differ by a constant factor, so that `a = b` and `c = d` are one equation.
 * @param positive whether the factor has to be above 0, as between inequalities
 */
export function proportional([a, b]: readonly [Expr, Expr], [c, d]: readonly [Expr, Expr], positive: boolean): boolean {
  const [f, g] = [minus(a, b), minus(c, d)];
  const names = variables(g, variables(f));
  if (names.size === 0) return sameScalar(f, g);
  // f(x) g(p) = g(x) f(p) for all x at one fixed p; there neither is 0.
  const at = (name: string) => realPoint(name, 50, false);
  const [fp, gp] = [numeric(f, at), numeric(g, at)];
  if (![fp, gp].every(({ re, im }) => Number.isFinite(re) && im === 0 && Math.abs(re) > 1e-9)) return false;
  if (positive && fp.re > 0 !== gp.re > 0) return false;
  let compared = 0;
  const wide = hasCorners(f) || hasCorners(g);
  for (let round = 0; round < NUMERIC_ROUNDS; round += 1) {
    const point = (name: string) => realPoint(name, round, wide);
    const [fx, gx] = [numeric(f, point), numeric(g, point)];
    if (!Number.isFinite(fx.re) || !Number.isFinite(gx.re) || fx.im !== 0 || gx.im !== 0) continue;
    if (!close({ re: fx.re * gp.re, im: 0 }, { re: gx.re * fp.re, im: 0 })) return false;
    compared += 1;
  }
  return compared >= 3;
}
