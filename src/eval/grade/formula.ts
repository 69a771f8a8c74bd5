import { FUNCTIONS } from './lexer.ts';
import { add, decimal, divide, negate, ONE, type Rational, rational } from './rational.ts';
import { TokenReader } from './reader.ts';
import { type Expr, Unreadable, type Value } from './syntax.ts';

const CONSTANTS: Readonly<Record<string, 'pi' | 'inf'>> = { pi: 'pi', infty: 'inf' };
/** Marks over letters, which make other names of them. */
const ACCENTS = new Set('overline bar vec hat widehat tilde overrightarrow dot'.split(' '));
/** Letters and signs by name, which stand for themselves. */
const SYMBOLS = new Set(
  `alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon phi
  varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar emptyset varnothing triangle angle prime
  ldots cdots dots circ`.split(/\s+/),
);
const MATRIX = /^begin ([pbvBV]?matrix|array)$/;

/** Formulas: sums, products, powers, functions, brackets. What may stand in brackets, `AnswerParser` reads. */
export abstract class FormulaParser extends TokenReader {
  /** Units met inside of a formula (`%`, `_8`). */
  protected unit: string[] = [];

  protected abstract list(): Value[];
  protected abstract matrix(environment: string): Value;

  protected sum(): Expr {
    return this.deeper(() => {
      const terms: Expr[] = [];
      do {
        let negative = false;
        let both = '';
        for (let sign = this.sign(); sign !== ''; sign = this.sign()) {
          if (sign === '-') negative = !negative;
          else if (sign !== '+') both = sign;
        }
        let term = this.product();
        if (negative) term = negated(term);
        terms.push(both === '' ? term : { k: 'pm', of: term, flipped: both === 'mp' });
      } while (['+', '-', 'pm', 'mp'].some((sign) => this.is(sign)));
      return terms.length === 1 ? (terms[0] as Expr) : { k: 'add', terms };
    });
  }

  /** The sign taken, or nothing. */
  protected sign(): string {
    return ['+', '-', 'pm', 'mp'].find((sign) => this.take(sign)) ?? '';
  }

  protected product(): Expr {
    let left = this.factor();
    for (;;) {
      const mixed = this.mixedPart(left);
      if (mixed) left = mixed;
      else if (this.take('*')) left = times(left, this.signedFactor());
      else if (this.is('/') && this.peek(1)?.t === 'text') {
        // `60 km/h`, `5 dollars/hour`: units follow.
        this.at += 1;
        this.unit.push('per');
        return left;
      } else if (this.take('/')) left = { k: 'div', over: left, under: this.signedFactor() };
      else if (this.startsFactor()) left = times(left, this.factor());
      else return left;
    }
  }

  protected signedFactor(): Expr {
    if (this.take('-')) return { k: 'neg', of: this.signedFactor() };
    this.take('+');
    return this.factor();
  }

  /** `2\frac{1}{2}` and `2 1/2` are sums: a whole number and a positive fraction of whole numbers after it. */
  protected mixedPart(left: Expr): Expr | undefined {
    const whole = this.peek(-1);
    if (left.k !== 'num' || left.value.den !== 1n || left.decimal || whole?.t !== 'num') return undefined;
    const mark = this.at;
    let part: Expr | undefined;
    if (this.is('frac')) part = this.factor();
    else if (this.peek()?.t === 'num' && this.peek()?.spaced && this.is('/', 1) && this.peek(2)?.t === 'num') {
      const over = this.factor();
      this.at += 1;
      part = { k: 'div', over, under: this.factor() };
    }
    if (part?.k === 'div' && part.over.k === 'num' && part.under.k === 'num') {
      const value = divide(part.over.value, part.under.value);
      if (value && value.num > 0n && !part.over.decimal) return { k: 'add', terms: [left, part] };
    }
    this.at = mark;
    return undefined;
  }

  protected startsFactor(): boolean {
    const token = this.peek();
    if (!token || token.t === 'text') return false;
    if (token.t === 'num') {
      // `3 5` and `x 2` are no products, `3 5^{1/2}` and `\pi 2` are.
      const before = this.peek(-1);
      return this.is('^', 1) || (before?.t !== 'num' && !(before?.t === 'sym' && token.spaced));
    }
    if (token.t === 'sym') return true;
    if (token.t === 'cmd')
      return (
        token.v === 'frac' ||
        token.v === 'binom' ||
        FUNCTIONS.has(token.v) ||
        Object.hasOwn(CONSTANTS, token.v) ||
        ACCENTS.has(token.v) ||
        SYMBOLS.has(token.v) ||
        MATRIX.test(token.v) ||
        token.v === 'mathbb'
      );
    return token.v === '(' || token.v === '[' || token.v === '{' || token.v === '\\{';
  }

  protected factor(): Expr {
    let base = this.primary();
    for (;;) {
      if (this.take('^')) {
        if (this.degree()) base = this.degrees(base);
        else if (this.take("'")) continue;
        else base = { k: 'pow', base, exponent: this.argument() };
      } else if (this.take('!')) base = { k: 'fn', name: 'factorial', args: [base] };
      else if (this.take('%')) this.unit.push('%');
      else if (this.take('circ')) base = this.degrees(base);
      else if (this.take("'")) base = { k: 'fn', name: 'prime', args: [base] };
      else if (this.is('_')) base = this.subscript(base);
      else return base;
    }
  }

  protected degree(): boolean {
    if (this.take('circ')) return true;
    if (!(this.is('{') && this.is('circ', 1) && this.is('}', 2))) return false;
    this.at += 3;
    return true;
  }

  /** `68^\circ F` and `20^\circ C` are temperatures and no products. */
  protected degrees(of: Expr): Expr {
    const scale = this.peek();
    if ((scale?.t === 'sym' || scale?.t === 'text') && (scale.v === 'C' || scale.v === 'F')) {
      this.at += 1;
      this.unit.push(scale.v === 'C' ? 'celsius' : 'fahrenheit');
    }
    return { k: 'deg', of };
  }

  /** What the next argument is written as, braces left out. */
  protected written(): string {
    const from = this.at;
    this.argument();
    return this.since(from)
      .map((token) => token.v)
      .filter((v) => v !== '{' && v !== '}')
      .join('');
  }

  protected subscript(base: Expr): Expr {
    this.at += 1;
    const written = this.written();
    if (base.k === 'sym') return { k: 'sym', name: `${base.name}_${written}` };
    if (base.k !== 'num') throw new Unreadable(`a subscript ${written} has no meaning here`);
    this.unit.push(`base${written}`);
    return base;
  }

  /** `0.1\overline{6}`, exactly. */
  protected repeating(head: string): Expr {
    this.at += 1;
    const period = this.written();
    if (!/^\d{1,100}$/.test(period)) throw new Unreadable(`a decimal cannot repeat ${period}`);
    const places = (head.split('.')[1] as string).length;
    const value = add(
      decimal(head),
      rational(BigInt(period), 10n ** BigInt(places) * (10n ** BigInt(period.length) - 1n)) as Rational,
    );
    return { k: 'num', value: value as Rational, decimal: false };
  }

  /** A braced group, or one token: what \frac, \sqrt, ^ and _ take. */
  protected argument(): Expr {
    if (this.take('{')) {
      const inner = this.sum();
      this.expect('}');
      return inner;
    }
    if (this.take('-')) return { k: 'neg', of: this.argument() };
    return this.primary();
  }

  protected primary(): Expr {
    const token = this.peek();
    if (!token) throw new Unreadable('it ends where a number or a variable was expected');
    this.at += 1;
    if (token.t === 'num')
      return this.is('overline') && token.v.includes('.') ? this.repeating(token.v) : number(token.v);
    if (token.t === 'sym') {
      if (token.v === 'e' || token.v === 'i') return { k: 'const', name: token.v };
      return { k: 'sym', name: token.v };
    }
    if (token.t === 'cmd') return this.command(token.v);
    return this.deeper(() => this.bracket(token.v));
  }

  protected bracket(open: string): Expr {
    if (open === '|') {
      const inner = this.sum();
      this.expect('|');
      return { k: 'fn', name: 'abs', args: [inner] };
    }
    if (open === '{') {
      const inner = this.list();
      this.expect('}');
      return grouped(inner, '', '');
    }
    if (open === '\\{') {
      const inner = this.is('\\}') ? [] : this.list();
      this.expect('\\}');
      return { k: 'value', value: { k: 'list', open: '{', close: '}', items: inner } };
    }
    if (open !== '(' && open !== '[')
      throw new Unreadable(`${JSON.stringify(open)} stands where a number or a variable was expected`);
    const unit = this.unit;
    const inner = this.list();
    this.unit = unit;
    const close = this.expect(')', ']');
    return grouped(inner, open, close);
  }

  protected command(name: string): Expr {
    if (name === 'frac') {
      const [over, under] = this.fractionParts();
      return { k: 'div', over, under };
    }
    if (name === 'binom') return { k: 'fn', name, args: [this.argument(), this.argument()] };
    if (name === 'sqrt') return this.root();
    if (MATRIX.test(name)) return { k: 'value', value: this.matrix(name.slice(6)) };
    if (name === 'mathbb') {
      this.take('{');
      const set = this.peek()?.v;
      this.at += 1;
      this.take('}');
      return { k: 'sym', name: `\\mathbb{${set}}` };
    }
    if (ACCENTS.has(name)) return { k: 'sym', name: `\\${name}{${this.written()}}` };
    const constant = Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : undefined;
    if (constant) return { k: 'const', name: constant };
    if (FUNCTIONS.has(name)) return this.function(name);
    if (SYMBOLS.has(name)) return { k: 'sym', name: `\\${name}` };
    throw new Unreadable(`\\${name} is not known`);
  }

  /** `\frac{a}{b}`, `\frac12`, `\frac1{20}`, `\frac{40}7`. */
  protected fractionParts(): [Expr, Expr] {
    const token = this.peek();
    if (token?.t === 'num' && /^\d{2,}$/.test(token.v)) {
      this.at += 1;
      const digits = (v: string): Expr => ({ k: 'num', value: decimal(v), decimal: false });
      return [digits(token.v[0] as string), digits(token.v.slice(1))];
    }
    return [this.argument(), this.argument()];
  }

  protected root(): Expr {
    let degree = number('2');
    if (this.take('[')) {
      degree = this.sum();
      this.expect(']');
    }
    const of = this.argument();
    return {
      k: 'pow',
      base: of,
      exponent: { k: 'div', over: { k: 'num', value: ONE, decimal: false }, under: degree },
    };
  }

  protected function(name: string): Expr {
    let base: Expr | undefined;
    if (name === 'log' && this.take('_')) base = this.argument();
    const exponent = this.take('^') ? this.argument() : undefined;
    const args = this.is('(') || this.is('{') ? this.arguments() : [this.looseArgument()];
    const inverse = exponent?.k === 'neg' || (exponent?.k === 'num' && exponent.value.num < 0n);
    const call: Expr = { k: 'fn', name: inverse ? `arc${name}` : name, args: base ? [...args, base] : args };
    return exponent && !inverse ? { k: 'pow', base: call, exponent } : call;
  }

  protected arguments(): Expr[] {
    const group = this.factor();
    if (group.k === 'value' && group.value.k === 'list' && group.value.open === '(')
      return group.value.items.map(asExpr);
    return [group];
  }

  /** `\sin 5x \cos x`: factors up to the next function or sign. */
  protected looseArgument(): Expr {
    let argument = this.factor();
    while (this.startsFactor() && !FUNCTIONS.has(this.peek()?.v ?? '') && !this.is('('))
      argument = times(argument, this.factor());
    return argument;
  }
}

function number(digits: string): Expr {
  return { k: 'num', value: decimal(digits), decimal: digits.includes('.') };
}

function asExpr(value: Value): Expr {
  return value.k === 'scalar' ? value.expr : { k: 'value', value };
}

/** One item in brackets is itself, and several are a list. */
function grouped(items: readonly Value[], open: string, close: string): Expr {
  const [only] = items;
  if (items.length === 1 && only?.k === 'scalar' && only.unit === undefined) return only.expr;
  if (items.length === 1 && only && open !== '[') return { k: 'value', value: only };
  return { k: 'value', value: { k: 'list', open, close, items } };
}

function negated(term: Expr): Expr {
  return term.k === 'num' ? { ...term, value: negate(term.value) } : { k: 'neg', of: term };
}

/** Flat, so that a long product is no deep tree. */
function times(a: Expr, b: Expr): Expr {
  return { k: 'mul', factors: [...(a.k === 'mul' ? a.factors : [a]), b] };
}
