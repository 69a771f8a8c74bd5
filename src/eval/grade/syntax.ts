import type { Rational } from './rational.ts';

/** One number or formula. */
export type Expr =
  | { readonly k: 'num'; readonly value: Rational /** Written with a decimal point. */; readonly decimal: boolean }
  | { readonly k: 'sym'; readonly name: string }
  | { readonly k: 'const'; readonly name: 'pi' | 'e' | 'i' | 'inf' }
  | { readonly k: 'add'; readonly terms: readonly Expr[] }
  | { readonly k: 'mul'; readonly factors: readonly Expr[] }
  | { readonly k: 'div'; readonly over: Expr; readonly under: Expr }
  | { readonly k: 'pow'; readonly base: Expr; readonly exponent: Expr }
  | { readonly k: 'neg'; readonly of: Expr }
  /** `± of`. */
  | { readonly k: 'pm'; readonly of: Expr; readonly flipped: boolean }
  | { readonly k: 'fn'; readonly name: string; readonly args: readonly Expr[] }
  | { readonly k: 'deg'; readonly of: Expr }
  /** A list, set or matrix where an operand stands. */
  | { readonly k: 'value'; readonly value: Value };

export type RelationSign = '=' | '<' | '>' | '<=' | '>=' | '!=' | 'in' | '~';

/** What an answer says. */
export type Value =
  | {
      readonly k: 'scalar';
      readonly expr: Expr;
      /** Words after it, in lower case; `%` and `dollar` too. */
      readonly unit?: string | undefined;
    }
  /** Without brackets several answers in any order, `{` a set, `(` and `[` a tuple or an interval. */
  | { readonly k: 'list'; readonly open: string; readonly close: string; readonly items: readonly Value[] }
  | { readonly k: 'union'; readonly parts: readonly Value[] }
  | { readonly k: 'relation'; readonly sides: readonly Value[]; readonly signs: readonly RelationSign[] }
  | { readonly k: 'ratio'; readonly parts: readonly Value[] }
  /** Two or three numbers as clocks show them, with `am`, `pm` or nothing. */
  | { readonly k: 'clock'; readonly parts: readonly number[]; readonly half: string }
  /** `bars`: `v` or `V` for the determinant or norm of one. */
  | { readonly k: 'matrix'; readonly rows: readonly (readonly Value[])[]; readonly bars?: string }
  /** `marked`: a capital in brackets or in `\text`, a choice. */
  | { readonly k: 'text'; readonly text: string; readonly marked?: boolean };

/** An answer that says nothing this grammar knows. Its message says where. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}
