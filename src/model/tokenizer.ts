import { Tokenizer as Library } from '@huggingface/tokenizers';
import { UserError } from '../gpu/errors.ts';
import { type ChatMessage, renderChat } from './chat.ts';
import { forLibrary } from './tokenizer_json.ts';
import type { ModelSource, TokenizerData } from './weight_table.ts';

const REPLACEMENT = '\ufffd';

/** Text to token ids and back, as the model's own tokenizer.json says. */
export class Tokenizer {
  /** Tokens that end a text. */
  readonly eosIds: readonly number[];
  /** How many tokens the model knows: rows of its embedding. Every id from `encode` is below. */
  readonly vocabSize: number;
  readonly #library: Library;
  readonly #data: TokenizerData;

  /** @throws UserError when tokenizer.json is of a kind that cannot be read, or has more tokens than the model */
  constructor(data: TokenizerData, model: { readonly vocab_size: number; readonly eos_token_id: readonly number[] }) {
    try {
      this.#library = new Library(forLibrary(data.json as object), {});
    } catch (error) {
      throw new UserError(`${data.where} cannot be read as a tokenizer: ${(error as Error).message}`);
    }
    this.#data = data;
    checkVocabulary(data, model.vocab_size);
    this.eosIds = model.eos_token_id;
    this.vocabSize = model.vocab_size;
  }

  /** @throws UserError when the model came without a tokenizer */
  static fromSource(source: ModelSource): Tokenizer {
    return new Tokenizer(dataOf(source), { ...source.config, ...source.generation });
  }

  /** Without its model: `vocab_size` where it is known. @throws UserError when there is none */
  static of(source: TokenizerSource, vocab_size = Number.POSITIVE_INFINITY): Tokenizer {
    return new Tokenizer(dataOf(source), { vocab_size, eos_token_id: [] });
  }

  /** @throws UserError when the tokenizer knows a token of the text that the model does not */
  encode(text: string, options: { readonly addSpecialTokens?: boolean } = {}): number[] {
    const { ids } = this.#library.encode(text, { add_special_tokens: options.addSpecialTokens ?? false });
    const odd = ids.find((id) => !(id < this.vocabSize));
    if (odd !== undefined) {
      throw new UserError(
        `${this.#data.where} makes token ${odd} (${JSON.stringify(this.idToToken(odd))}) of this text, and the model's vocab_size is ` +
          `${this.vocabSize}: tokenizer and model do not belong together.`,
      );
    }
    return ids;
  }

  /** The text of the tokens, end to end; special tokens stay in it unless told otherwise. */
  decode(ids: readonly number[], options: { readonly skipSpecialTokens?: boolean } = {}): string {
    if (ids.length === 0) {
      return '';
    }
    return this.#library.decode([...ids], {
      skip_special_tokens: options.skipSpecialTokens ?? false,
      // Taking spaces out before punctuation would make a text that encodes to other tokens.
      clean_up_tokenization_spaces: false,
    });
  }

  /** A token as the vocabulary spells it (`ĠStep`, not ` Step`); undefined for rows of the embedding that no token uses. */
  idToToken(id: number): string | undefined {
    return this.#library.id_to_token(id);
  }

  tokenToId(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  /** Whether the model has a chat template. */
  get hasChatTemplate(): boolean {
    return this.#data.chat_template !== undefined;
  }

  /** The prompt that the model's chat template makes of a conversation. @throws UserError when the model has none */
  renderChat(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt?: boolean } = {}): string {
    const { chat_template, bos_token, eos_token, where, templateWhere = where } = this.#data;
    if (chat_template === undefined) {
      throw new UserError(`${where}: the model has no chat template. Give the prompt as plain text (--raw).`);
    }
    return renderChat(chat_template, messages, { ...options, bos_token, eos_token, where: templateWhere });
  }

  /** Decodes tokens as they come. */
  stream(options: { readonly skipSpecialTokens?: boolean } = {}): TokenStream {
    return new TokenStream(this, options);
  }
}

type TokenizerSource = Pick<ModelSource, 'name' | 'tokenizer' | 'noTokenizer'>;

function dataOf({ name, tokenizer, noTokenizer }: TokenizerSource): TokenizerData {
  if (!tokenizer) throw new UserError(noTokenizer ?? `${name} has no tokenizer.`);
  return tokenizer;
}

/**
 * An embedding may have more rows than there are tokens: that is padding. A token without a row is another model's, but for
 * one that was added and is never used (a padding token); `encode` refuses that one when a text makes it.
 */
function checkVocabulary({ json, where }: TokenizerData, vocabSize: number): void {
  const vocab = (json as { model?: { vocab?: unknown } }).model?.vocab;
  let last = -1;
  for (const id of Array.isArray(vocab) ? vocab.keys() : Object.values((vocab ?? {}) as Record<string, number>)) {
    if (id > last) last = id;
  }
  if (last >= vocabSize) {
    throw new UserError(
      `${where} has tokens up to ${last}, and the model's vocab_size is ${vocabSize}, so that they end at ${vocabSize - 1}: ` +
        'tokenizer and model do not belong together.',
    );
  }
}

/** Text of tokens as they come; the bytes of a character that is not complete are held back. */
export class TokenStream {
  readonly #tokenizer: Tokenizer;
  readonly #options: { readonly skipSpecialTokens?: boolean };
  /** Tokens of the last step for context (some decoders treat a text's first token apart), then those held back. */
  #window: number[] = [];
  #contextLength = 0;
  /** How much of the window's text has been handed out. */
  #shown = 0;

  constructor(tokenizer: Tokenizer, options: { readonly skipSpecialTokens?: boolean } = {}) {
    this.#tokenizer = tokenizer;
    this.#options = options;
  }

  /** The text that the token completes, often with a delay of a token or two. */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#tokenizer.decode(this.#window, this.#options);
    // However many bytes of an unfinished character there are, they decode to one replacement character at the end.
    const complete = text.endsWith(REPLACEMENT) ? text.slice(0, -1) : text;
    const fresh = complete.slice(this.#shown);
    this.#shown = complete.length;
    if (complete.length === text.length) {
      this.#window = this.#window.slice(this.#contextLength);
      this.#contextLength = this.#window.length;
      this.#shown = this.#tokenizer.decode(this.#window, this.#options).length;
    }
    return fresh;
  }

  /** What was held back, at the end of the text. */
  flush(): string {
    const fresh = this.#tokenizer.decode(this.#window, this.#options).slice(this.#shown);
    this.#window = [];
    this.#contextLength = 0;
    this.#shown = 0;
    return fresh;
  }
}
