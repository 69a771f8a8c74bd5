import type { Tokenizer, TokenStream } from '../../src/model/tokenizer.ts';
import type { Column, StreamBatch, StreamEvent } from './steer_types.ts';

/** The page draws no faster than this: it hears of tokens so often at the most. */
const BATCH_MS = 30;

/** The tokens of a run as they come, told to the page in batches. */
export class Told {
  readonly #run: number;
  readonly #tokenizer: Tokenizer;
  readonly #tell: (batch: StreamBatch) => void;
  readonly #streams: Partial<Record<Column, TokenStream>> = {};
  /** What each token added to the text. */
  readonly #pieces: Record<Column, string[]> = { base: [], steered: [] };
  #events: StreamEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(run: number, tokenizer: Tokenizer, tell: (batch: StreamBatch) => void) {
    this.#run = run;
    this.#tokenizer = tokenizer;
    this.#tell = tell;
  }

  token(column: Column, token: Pick<StreamEvent, 'id' | 'logprob' | 'entropy' | 'step'>): void {
    this.#streams[column] ??= this.#tokenizer.stream({ skipSpecialTokens: true });
    const piece = this.#streams[column].push(token.id);
    this.#pieces[column].push(piece);
    const special = piece === '' && this.#isSpecial(token.id);
    const text = special ? (this.#tokenizer.idToToken(token.id) ?? `<${token.id}>`) : piece;
    this.#events.push({ ...token, column, text, special });
    this.#timer ??= setTimeout(() => this.#send(), BATCH_MS);
  }

  /** Tells of what is left. */
  end(): void {
    this.#send();
  }

  /** A column's text up to the first stop text, and how many of its tokens are in it. */
  textOf(column: Column, stop: readonly string[]): { readonly text: string; readonly kept: number } {
    const pieces = this.#pieces[column];
    const whole = pieces.join('');
    const ends = stop.map((text) => whole.indexOf(text)).filter((at) => at >= 0);
    if (ends.length === 0) return { text: whole, kept: pieces.length };
    const text = whole.slice(0, Math.min(...ends));
    let length = 0;
    const kept = pieces.findIndex((piece) => {
      length += piece.length;
      return length > text.length;
    });
    return { text, kept: kept < 0 ? pieces.length : kept };
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#events;
    this.#events = [];
    if (events.length > 0) this.#tell({ run: this.#run, events });
  }

  #isSpecial(id: number): boolean {
    return this.#tokenizer.decode([id], { skipSpecialTokens: true }) === '' && this.#tokenizer.decode([id]) !== '';
  }
}
