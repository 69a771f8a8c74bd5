import { ONE, ZERO } from './rational.ts';
import { assigned, interval, isEquation, letters, sameRelation } from './relations.ts';
import { sameScalar } from './scalar.ts';
import { settle } from './settle.ts';
import type { Expr, Value } from './syntax.ts';
import { measure, sameMeasure } from './units.ts';

type List = Extract<Value, { k: 'list' }>;
type Scalar = Extract<Value, { k: 'scalar' }>;

/** Longer lists are compared item by item in their order only. */
const MAX_UNORDERED = 32;
const HUNDRED: Expr = { k: 'num', value: { num: 100n, den: 1n }, decimal: false };
const ONE_EXPR: Expr = { k: 'num', value: ONE, decimal: false };
const ZERO_EXPR: Expr = { k: 'num', value: ZERO, decimal: false };

/** Whether two answers say the same. Symmetric. */
export function sameValue(gold: Value, answer: Value): boolean {
  return same(settle(gold), settle(answer));
}

function same(a: Value, b: Value): boolean {
  if (isEquation(a) !== isEquation(b)) {
    const [equation, other] = isEquation(a) ? [a, b] : [b, a];
    if (isEquation(equation) && other.k !== 'relation' && !isUnordered(other)) {
      const value = assigned(equation);
      return value !== undefined && same(value, other);
    }
  }
  if (a.k === 'relation' && b.k === 'relation') return sameSides(a, b) || sameRelation(a, b);
  if (a.k === 'relation' || b.k === 'relation') return sameSolutions(a, b);
  if (isUnordered(a) || isUnordered(b)) return sameLists(asList(a), asList(b));
  if (a.k === 'text' || b.k === 'text') return sameText(a, b);
  if (a.k === 'scalar' && b.k === 'scalar') return sameQuantity(a, b);
  if (a.k === 'list' && b.k === 'list') return sameLists(a, b);
  if (a.k === 'union' && b.k === 'union') return matched(a.parts, b.parts);
  if (a.k === 'clock' || b.k === 'clock') return sameClock(a, b);
  if (a.k === 'ratio' || b.k === 'ratio') return sameRatio(a, b);
  if (a.k === 'matrix' && b.k === 'matrix') {
    if (a.bars !== b.bars || a.rows.length !== b.rows.length) return false;
    return a.rows.every((row, i) => inOrder(row, b.rows[i] as readonly Value[]));
  }
  return false;
}

function isUnordered(value: Value): boolean {
  return value.k === 'list' && (value.open === '' || value.open === '{');
}

function asList(value: Value): List {
  return value.k === 'list' ? value : { k: 'list', open: '', close: '', items: [value] };
}

function inOrder(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => same(item, b[i] as Value));
}

/** Each item of one has its own equal in the other. */
function matched(a: readonly Value[], b: readonly Value[]): boolean {
  if (a.length !== b.length) return false;
  if (a.length > MAX_UNORDERED) return inOrder(a, b);
  const free = [...b];
  return a.every((item) => {
    const at = free.findIndex((other) => same(item, other));
    if (at >= 0) free.splice(at, 1);
    return at >= 0;
  });
}

function distinct(items: readonly Value[]): readonly Value[] {
  if (items.length > MAX_UNORDERED) return items;
  return items.filter((item, i) => !items.slice(0, i).some((earlier) => same(earlier, item)));
}

function sameLists(a: List, b: List): boolean {
  if (isUnordered(a) && isUnordered(b)) {
    const sets = a.open === '{' || b.open === '{';
    return matched(sets ? distinct(a.items) : a.items, sets ? distinct(b.items) : b.items);
  }
  // `(1, 2)` may come without its brackets, and a set is no tuple.
  const bare = (a.open === '' && b.open === '(') || (b.open === '' && a.open === '(');
  if (bare && a.items.length > 1 && a.close !== ']' && b.close !== ']' && inOrder(a.items, b.items)) return true;
  if (isUnordered(a) !== isUnordered(b)) {
    const [list, whole] = isUnordered(a) ? [a, b] : [b, a];
    return list.items.length === 1 && same(list.items[0] as Value, whole);
  }
  return a.open === b.open && a.close === b.close && inOrder(a.items, b.items);
}

function sameSides(a: Extract<Value, { k: 'relation' }>, b: Extract<Value, { k: 'relation' }>): boolean {
  return a.signs.join() === b.signs.join() && inOrder(a.sides, b.sides);
}

/** An inequality, or several joined by `or`, against an interval or a union of them. */
function sameSolutions(a: Value, b: Value): boolean {
  const [x, y] = [interval(a) ?? a, interval(b) ?? b];
  return x.k !== 'relation' && y.k !== 'relation' && same(x, y);
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

function textOf(value: Value): string | undefined {
  if (value.k === 'text') return plain(value.text);
  if (value.k !== 'scalar') return undefined;
  const name = letters(value.expr);
  return name === undefined ? undefined : plain(`${name} ${value.unit ?? ''}`);
}

/** R and r: two names, but where the capital is a choice. */
function sameButForCase(a: Value, b: Value): boolean {
  const [x, y] = [a, b].map(
    (side) => (side.k === 'text' ? side.text : side.k === 'scalar' ? letters(side.expr) : '') ?? '',
  );
  return x?.length === 1 && x !== y && x.toLowerCase() === y?.toLowerCase();
}

function sameText(a: Value, b: Value): boolean {
  if (sameButForCase(a, b))
    return [a, b].some((side) => side.k === 'text' && (side.marked || /^[A-D]$/.test(side.text)));
  const [left, right] = [textOf(a), textOf(b)];
  return left !== undefined && left !== '' && left === right;
}

function sameQuantity(a: Scalar, b: Scalar): boolean {
  const [left, right] = [a.unit, b.unit].map((unit) => (unit === undefined ? undefined : measure(unit)));
  if (left !== undefined && right !== undefined && !sameMeasure(left, right)) return false;
  if (sameScalar(a.expr, b.expr)) return true;
  // 12% is 0.12 as well as 12, but no other percentage.
  if (left === '%' && b.unit === undefined) return sameScalar({ k: 'div', over: a.expr, under: HUNDRED }, b.expr);
  if (right === '%' && a.unit === undefined) return sameScalar(a.expr, { k: 'div', over: b.expr, under: HUNDRED });
  return false;
}

/** Part by part; 3:10 may be a ratio, and so 3/10 as it stands, but 3:30 is not 1:10. */
function sameClock(a: Value, b: Value): boolean {
  const [clock, other] = a.k === 'clock' ? [a, b] : [b, a];
  if (clock.k !== 'clock') return false;
  if (other.k === 'clock') {
    if (clock.half !== '' && other.half !== '' && clock.half !== other.half) return false;
    return clock.parts.join(':') === other.parts.join(':');
  }
  const parts = clock.half === '' ? ratioParts(other) : undefined;
  if (parts?.length !== clock.parts.length || (other.k === 'scalar' && other.expr.k !== 'div')) return false;
  return parts.every(
    (part, i) => part.k === 'num' && part.value.den === 1n && part.value.num === BigInt(clock.parts[i] ?? -1),
  );
}

/** 3:5 is 3/5, and 6:9 is 2:3. */
function sameRatio(a: Value, b: Value): boolean {
  if (a.k === 'ratio' && b.k === 'ratio' && inOrder(a.parts, b.parts)) return true;
  const [x, y] = [ratioParts(a), ratioParts(b)];
  if (!x || !y || x.length !== y.length) return false;
  if ([...x, ...y].some((part) => sameScalar(part, ZERO_EXPR))) return false;
  return x
    .slice(1)
    .every((part, i) =>
      sameScalar({ k: 'mul', factors: [x[i] as Expr, y[i + 1] as Expr] }, { k: 'mul', factors: [part, y[i] as Expr] }),
    );
}

function ratioParts(value: Value): Expr[] | undefined {
  if (value.k === 'scalar' && value.unit !== undefined) return undefined;
  if (value.k === 'scalar')
    return value.expr.k === 'div' ? [value.expr.over, value.expr.under] : [value.expr, ONE_EXPR];
  if (value.k !== 'ratio') return undefined;
  const all = value.parts.map((part) => (part.k === 'scalar' && part.unit === undefined ? part.expr : undefined));
  return all.every((part) => part !== undefined) ? all : undefined;
}
