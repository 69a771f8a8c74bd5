import type { Token } from './lexer.ts';
import { Unreadable } from './syntax.ts';

const MAX_DEPTH = 40;

/** A place in the tokens of an answer. */
export class TokenReader {
  protected at = 0;
  readonly #tokens: readonly Token[];
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The tokens from one place to the one reached. */
  protected since(from: number): readonly Token[] {
    return this.#tokens.slice(from, this.at);
  }

  protected peek(offset = 0): Token | undefined {
    return this.#tokens[this.at + offset];
  }

  protected is(v: string, offset = 0): boolean {
    const token = this.peek(offset);
    return token !== undefined && token.v === v && (token.t === 'op' || token.t === 'cmd');
  }

  protected take(v: string): boolean {
    if (!this.is(v)) return false;
    this.at += 1;
    return true;
  }

  protected expect(...closers: string[]): string {
    const found = closers.find((v) => this.take(v));
    if (found !== undefined) return found;
    throw new Unreadable(`${closers[0]} was expected, found ${JSON.stringify(this.peek()?.v ?? 'the end')}`);
  }

  protected deeper<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new Unreadable(`brackets are nested more than ${MAX_DEPTH} deep`);
    const result = read();
    this.#depth -= 1;
    return result;
  }
}
