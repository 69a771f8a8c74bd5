import { clean } from './clean.ts';
import { FormulaParser } from './formula.ts';
import { tokenize } from './lexer.ts';
import { MAX_ANSWER } from './limit.ts';
import { type RelationSign, Unreadable, type Value } from './syntax.ts';
import { areUnits, isCurrency } from './units.ts';

const RELATIONS = new Set(['=', '<', '>', '<=', '>=', '!=', 'in', '~']);
/** After words alone, these end what they say. */
const ENDS = new Set([...RELATIONS, ',', ';', ')', ']', '\\}', '&', '\\\\', '}']);

/** Reads what an answer says. @throws Unreadable where the grammar has no reading of it, or it is larger than is read */
export function parseAnswer(answer: string): Value {
  if (answer.length > MAX_ANSWER) throw new Unreadable(`it has more than ${MAX_ANSWER} characters`);
  const text = clean(answer);
  // A date is no subtraction.
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return { k: 'text', text };
  const words = plainWords(text);
  if (words) return words;
  return new AnswerParser(tokenize(text)).answer();
}

/** `Evelyn`, `\text{two lines}`, `(A)`, `\text{A, B}`: words alone, or choices. */
function plainWords(text: string, inText = false): Value | undefined {
  const inner = text.replace(/^\\(?:text|textbf|textit|textrm|textnormal|mbox|mathrm)\s*\{([^{}]*)\}$/, '$1').trim();
  const choice = /^\(?([A-Z])(?:\)|\.)?$/.exec(inner);
  if (choice) {
    const marked = inText || inner !== text || inner.startsWith('(');
    return { k: 'text', text: choice[1] as string, ...(marked && { marked }) };
  }
  if (inner === text || !/^[a-zA-Z(]/.test(inner)) return undefined;
  const parts = inner.split(/\s*(?:,|;|\band\b|\bor\b)\s*/).filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  const items = parts.map((part): Value => plainWords(part, true) ?? { k: 'text', text: part });
  return items.length === 1 ? items[0] : { k: 'list', open: '', close: '', items };
}

/** What stands around formulas: words and units, ratios, unions, relations, lists, matrices. */
class AnswerParser extends FormulaParser {
  answer(): Value {
    if (!this.peek()) throw new Unreadable('it is empty');
    const items = this.list();
    const rest = this.peek();
    if (rest) throw new Unreadable(`${JSON.stringify(rest.v)} stands where an operator was expected`);
    return items.length === 1 ? (items[0] as Value) : { k: 'list', open: '', close: '', items };
  }

  protected list(): Value[] {
    const items = [this.relation()];
    while (this.take(',') || this.take(';')) {
      while (this.take(',')); // `1, 2, and 3`
      if (!this.peek()) break;
      items.push(this.relation());
    }
    return items;
  }

  protected relation(): Value {
    if (!this.take('=')) this.take('~'); // `= 5`, `\approx 3.14`
    const sides = [this.union()];
    const signs: RelationSign[] = [];
    for (let token = this.peek(); token?.t === 'op' && RELATIONS.has(token.v); token = this.peek()) {
      this.at += 1;
      signs.push(token.v as RelationSign);
      sides.push(this.union());
    }
    return signs.length === 0 ? (sides[0] as Value) : { k: 'relation', sides, signs };
  }

  protected union(): Value {
    const parts = [this.ratio()];
    while (this.take('cup')) parts.push(this.ratio());
    return parts.length === 1 ? (parts[0] as Value) : { k: 'union', parts };
  }

  protected ratio(): Value {
    const clock = this.clock();
    if (clock) return clock;
    const parts = [this.scalar()];
    while (this.take(':')) parts.push(this.scalar());
    return parts.length === 1 ? (parts[0] as Value) : { k: 'ratio', parts };
  }

  /** `3:30`, `10:05:59`, `10:30 a.m.`: digits as clocks show them. */
  protected clock(): Value | undefined {
    const mark = this.at;
    const parts: number[] = [];
    for (let token = this.peek(); token?.t === 'num'; token = this.peek()) {
      if (!(parts.length === 0 ? /^\d{1,2}$/ : /^[0-5]\d$/).test(token.v)) break;
      this.at += 1;
      parts.push(Number(token.v));
      if (parts.length === 3 || !this.is(':') || this.peek(1)?.t !== 'num') break;
      this.at += 1;
    }
    let half = '';
    const [letter, m] = [this.peek(), this.peek(1)];
    if (letter?.t === 'sym' && /^[ap]$/i.test(letter.v) && m?.t === 'sym' && /^m$/i.test(m.v)) {
      this.at += 2;
      half = letter.v.toLowerCase() === 'a' ? 'am' : 'pm';
    }
    const after = this.words();
    half ||= after.find((word) => word === 'am' || word === 'pm') ?? '';
    const next = this.peek();
    if (parts.length > 1 && areUnits(after) && (!next || (next.t === 'op' && ENDS.has(next.v))))
      return { k: 'clock', parts, half };
    this.at = mark;
    return undefined;
  }

  /** An expression with the words after (or the currency before) it. */
  protected scalar(): Value {
    this.unit = [];
    const lead = this.words();
    const next = this.peek();
    const ends = !next || (next.t === 'op' && ENDS.has(next.v));
    if (lead.length > 0 && ends) return { k: 'text', text: lead.join(' ') };
    const expr = this.sum();
    const unit = [...this.unit, ...this.words()];
    this.unit = [];
    const before = lead.filter((word) => !isCurrency(word));
    if (!areUnits(before) || !areUnits(unit)) throw new Unreadable(`${[...before, ...unit].join(' ')} is no unit`);
    const all = [...lead.filter(isCurrency), ...unit];
    if (expr.k === 'value' && all.length === 0) return expr.value;
    return { k: 'scalar', expr, ...(all.length > 0 && { unit: all.join(' ') }) };
  }

  protected words(): string[] {
    const words: string[] = [];
    for (let token = this.peek(); token?.t === 'text'; token = this.peek()) {
      this.at += 1;
      words.push(
        ...token.v
          .toLowerCase()
          .replace(/\b([ap])\. ?m\b/g, '$1m')
          .replace(/\./g, ' ')
          .trim()
          .split(/\s+/),
      );
      const per = this.peek(1);
      if (this.is('/') && (per?.t === 'sym' || per?.t === 'text')) {
        this.at += 2;
        words.push('per', per.v.toLowerCase());
      }
      // `cm^2`: the power belongs to the unit.
      if (this.is('^')) {
        const braced = this.is('{', 1);
        const digit = this.peek(braced ? 2 : 1);
        if (digit?.t === 'num' && /^[23]$/.test(digit.v)) {
          this.at += braced ? 4 : 2;
          words.push(digit.v === '2' ? 'square' : 'cubic');
        }
      }
    }
    return words;
  }

  protected matrix(environment: string): Value {
    const rows: Value[][] = [[]];
    for (;;) {
      if (this.take(`end ${environment}`)) break;
      if (this.take('\\\\')) rows.push([]);
      else {
        const row = rows.at(-1) as Value[];
        if (row.length > 0) this.expect('&');
        row.push(this.relation());
      }
    }
    const filled = rows.filter((row) => row.length > 0);
    if (filled.length === 0 || filled.some((row) => row.length !== filled[0]?.length))
      throw new Unreadable('the rows of a matrix differ in length');
    return { k: 'matrix', rows: filled, ...(/^v/i.test(environment) && { bars: environment[0] as string }) };
  }
}
