import type { Expr, Value } from './syntax.ts';

const INFINITY: Expr = { k: 'const', name: 'inf' };

/** Brings an answer to one form: ± written out, matrices multiplied out, `x ∈ S` as S, lists in lists as one. */
export function settle(value: Value): Value {
  switch (value.k) {
    case 'scalar':
      return settleScalar(value.expr, value.unit);
    case 'list': {
      const items = value.items.map(settle);
      if (value.open !== '' && value.open !== '{') return { ...value, items };
      const flat = items.flatMap((item) => (item.k === 'list' && item.open === '' ? item.items : [item]));
      return { ...value, items: flat };
    }
    case 'union':
      return {
        k: 'union',
        parts: value.parts.map(settle).flatMap((part) => (part.k === 'union' ? part.parts : [part])),
      };
    case 'relation': {
      const sides = value.sides.map(settle);
      if (value.signs.length === 1 && value.signs[0] === 'in') return sides[1] as Value;
      const [lone] = value.sides;
      // `x = 1 ± 2` is `x = 3, x = -1`.
      const last = sides.at(-1) as Value;
      if (last.k === 'list' && last.open === '' && lone) {
        const items = last.items.map(
          (item): Value => ({ k: 'relation', sides: [...sides.slice(0, -1), item], signs: value.signs }),
        );
        return { k: 'list', open: '', close: '', items };
      }
      return { ...value, sides };
    }
    case 'ratio':
      return { k: 'ratio', parts: value.parts.map(settle) };
    case 'matrix':
      return { ...value, rows: value.rows.map((row) => row.map(settle)) };
    default:
      return value;
  }
}

function settleScalar(expr: Expr, unit: string | undefined): Value {
  const withUnit = (inner: Expr, own = unit): Value => ({
    k: 'scalar',
    expr: inner,
    ...(own !== undefined && { unit: own }),
  });
  if (expr.k === 'value') return unit === undefined ? settle(expr.value) : { k: 'scalar', expr, unit };
  if (expr.k === 'sym' && expr.name === '\\mathbb{R}')
    return { k: 'list', open: '(', close: ')', items: [withUnit({ k: 'neg', of: INFINITY }), withUnit(INFINITY)] };
  if (hasBothSigns(expr)) {
    const items = [1, -1].map((sign) => settleScalar(choose(expr, sign), unit));
    return { k: 'list', open: '', close: '', items };
  }
  if (expr.k === 'deg') return withUnit(expr.of, unit ?? 'degree');
  if (expr.k === 'neg' && expr.of.k === 'deg') return withUnit({ k: 'neg', of: expr.of.of }, unit ?? 'degree');
  return scaledMatrix(expr) ?? withUnit(expr);
}

/** The formulas that a formula is made of. */
export function parts(expr: Expr): readonly Expr[] {
  if (expr.k === 'add') return expr.terms;
  if (expr.k === 'mul') return expr.factors;
  if (expr.k === 'div') return [expr.over, expr.under];
  if (expr.k === 'pow') return [expr.base, expr.exponent];
  if (expr.k === 'neg' || expr.k === 'pm' || expr.k === 'deg') return [expr.of];
  return expr.k === 'fn' ? expr.args : [];
}

function hasBothSigns(expr: Expr): boolean {
  return expr.k === 'pm' || parts(expr).some(hasBothSigns);
}

/** The formula with all of its ± as + (or all as -). */
function choose(expr: Expr, sign: number): Expr {
  const inner = (part: Expr) => choose(part, sign);
  switch (expr.k) {
    case 'pm':
      return sign > 0 !== expr.flipped ? inner(expr.of) : { k: 'neg', of: inner(expr.of) };
    case 'add':
      return { k: 'add', terms: expr.terms.map(inner) };
    case 'mul':
      return { k: 'mul', factors: expr.factors.map(inner) };
    case 'div':
      return { k: 'div', over: inner(expr.over), under: inner(expr.under) };
    case 'pow':
      return { k: 'pow', base: inner(expr.base), exponent: inner(expr.exponent) };
    case 'neg':
    case 'deg':
      return { k: expr.k, of: inner(expr.of) };
    case 'fn':
      return { ...expr, args: expr.args.map(inner) };
    default:
      return expr;
  }
}

/** `\frac{1}{2}\begin{pmatrix}…\end{pmatrix}` with the factor in every entry. */
function scaledMatrix(expr: Expr): Value | undefined {
  const factors = expr.k === 'mul' ? expr.factors : expr.k === 'neg' ? [expr.of] : [];
  const matrix = factors.find((factor) => factor.k === 'value' && factor.value.k === 'matrix');
  if (matrix?.k !== 'value' || matrix.value.k !== 'matrix' || matrix.value.bars) return undefined;
  const others = factors.filter((factor) => factor !== matrix);
  if (others.some((factor) => factor.k === 'value')) return undefined;
  const scaled = (entry: Value): Value => {
    if (entry.k !== 'scalar') return entry;
    const product: Expr = { k: 'mul', factors: [...others, entry.expr] };
    return { k: 'scalar', expr: expr.k === 'neg' ? { k: 'neg', of: product } : product };
  };
  return { k: 'matrix', rows: matrix.value.rows.map((row) => row.map((entry) => scaled(settle(entry)))) };
}
