import { variables } from './numeric.ts';
import { proportional, sameScalar } from './scalar.ts';
import type { Expr, RelationSign, Value } from './syntax.ts';

type Relation = Extract<Value, { k: 'relation' }>;

const INFINITY: Value = { k: 'scalar', expr: { k: 'const', name: 'inf' } };
const MINUS_INFINITY: Value = { k: 'scalar', expr: { k: 'neg', of: { k: 'const', name: 'inf' } } };
const MIRROR: Readonly<Record<string, RelationSign>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=' };

/** The letters of a name or a product of variables (`AB`), which text spells alike. */
export function letters(expr: Expr): string | undefined {
  if (expr.k === 'sym') return expr.name.replace(/^\\/, '');
  if (expr.k === 'const' && (expr.name === 'e' || expr.name === 'i')) return expr.name;
  if (expr.k !== 'mul') return undefined;
  const all = expr.factors.map(letters);
  return all.every((name) => name !== undefined) ? all.join('') : undefined;
}

function isName(value: Value): boolean {
  if (value.k === 'text') return true;
  if (value.k === 'list') return value.open === '(' && value.items.every(isName); // `(x, y) = (1, 2)`
  if (value.k !== 'scalar' || value.unit !== undefined) return false;
  const { expr } = value;
  if (letters(expr) !== undefined) return true;
  // `f(3)` and `f^{-1}(x)` are names too, `2x` is none.
  if (expr.k === 'fn') return expr.name === 'prime';
  const first = expr.k === 'mul' ? expr.factors[0] : undefined;
  return (
    first !== undefined &&
    /^[a-zA-Z]$/.test(letters(first.k === 'pow' ? first.base : first) ?? '') &&
    expr.k === 'mul' &&
    expr.factors.length === 2
  );
}

export function isEquation(value: Value): value is Relation {
  return value.k === 'relation' && value.signs.every((sign) => sign === '=' || sign === '~');
}

/** 5 and 6 of `x = 5 = 6`: two numbers, the last one not a rounding. */
function contradicts(side: Value, last: Value): boolean {
  if (side.k !== 'scalar' || last.k !== 'scalar' || (last.expr.k === 'num' && last.expr.decimal)) return false;
  return variables(last.expr, variables(side.expr)).size === 0 && !sameScalar(side.expr, last.expr);
}

/** The last side of `x = …` or of `2 + 3 = 5`; undefined for an equation that says more. */
export function assigned(value: Relation): Value | undefined {
  const [first, ...rest] = value.sides as [Value, ...Value[]];
  const last = value.sides.at(-1) as Value;
  if (isName(first)) return rest.slice(0, -1).some((side) => contradicts(side, last)) ? undefined : last;
  if (value.sides.length === 2 && isName(last)) return first;
  const equal = rest.every((side) => side.k === 'scalar' && first.k === 'scalar' && sameScalar(first.expr, side.expr));
  return equal ? last : undefined;
}

/** A relation with its signs towards the right: `3 > x >= 1` as `1 <= x < 3`. */
function ordered(value: Relation): Relation {
  const down = value.signs.filter((sign) => sign === '>' || sign === '>=').length;
  if (down === 0 || down < value.signs.length) return value;
  return {
    k: 'relation',
    sides: value.sides.toReversed(),
    signs: value.signs.map((sign) => MIRROR[sign] as RelationSign).toReversed(),
  };
}

/** The interval of an inequality in one bare variable, `x >= 4` or `-1 < x <= 2`. */
export function interval(value: Value): Value | undefined {
  if (value.k !== 'relation') return undefined;
  const { sides, signs } = ordered(value);
  if (!signs.every((sign) => sign === '<' || sign === '<=')) return undefined;
  const at = sides.findIndex((side) => side.k === 'scalar' && side.expr.k === 'sym');
  if (at < 0 || sides.length > 3 || (sides.length === 3 && at !== 1)) return undefined;
  const [low, high] = [at > 0 ? sides[at - 1] : undefined, sides[at + 1]];
  return {
    k: 'list',
    open: low && signs[at - 1] === '<=' ? '[' : '(',
    close: high && signs[at] === '<=' ? ']' : ')',
    items: [low ?? MINUS_INFINITY, high ?? INFINITY],
  };
}

function exprs(value: Relation): Expr[] | undefined {
  const all = value.sides.map((side) => (side.k === 'scalar' ? side.expr : undefined));
  return all.every((expr) => expr !== undefined) ? all : undefined;
}

/** Whether two relations between formulas say the same: sides swapped, multiplied or moved across. */
export function sameRelation(a: Relation, b: Relation): boolean {
  const [left, right] = [ordered(a), ordered(b)];
  const [x, y] = [exprs(left), exprs(right)];
  if (!x || !y || left.signs.length !== right.signs.length) return false;
  if (left.signs.length === 1) {
    const [sign] = left.signs;
    const equality = sign === '=' || sign === '!=' || sign === '~';
    return sign === right.signs[0] && proportional(x as [Expr, Expr], y as [Expr, Expr], !equality);
  }
  return left.signs.every((sign, i) => sign === right.signs[i]) && x.every((expr, i) => sameScalar(expr, y[i] as Expr));
}
