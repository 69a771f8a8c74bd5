import { stopCondition } from '../eval/completions.ts';
import type { ChatMessage } from '../eval/prompts.ts';
import { UserError } from '../gpu/errors.ts';
import { type Completion, generate } from '../model/generate.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Steering } from '../model/steering.ts';
import type { Generated } from './model.ts';

/** A text to continue as it stands, or messages for the model's chat template. */
export type Prompted = string | readonly ChatMessage[];

export interface TextOptions {
  /** Longest continuation in tokens. Default 128. */
  readonly maxNewTokens?: number;
  /** 0, the default, takes the likeliest token. */
  readonly temperature?: number;
  /** Sample among the k likeliest tokens; 0, the default, among all. */
  readonly topK?: number;
  /** Sample within the likeliest mass p; 1, the default, takes all. */
  readonly topP?: number;
  /** Key of the random numbers: the same seed gives the same text on one adapter. Default 0. */
  readonly seed?: number;
  /** Texts that end the continuation; it is cut before the first. */
  readonly stop?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export type TextEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'end'; readonly result: Generated };

type WithSteering = (work: (steering: Steering | undefined) => Promise<void>) => Promise<void>;

/** Turns the engine's callbacks into a sequence that one can loop over; its last element holds the whole result. */
export async function* streamText(
  lm: LanguageModel,
  prompt: Prompted,
  options: TextOptions,
  withSteering: WithSteering,
): AsyncGenerator<TextEvent, void, undefined> {
  const { tokenizer } = lm;
  const text = typeof prompt === 'string' ? prompt : tokenizer.renderChat([...prompt]);
  const promptIds = tokenizer.encode(text, { addSpecialTokens: false });
  if (promptIds.length === 0) throw new UserError('The prompt is empty: give at least one token to continue.');
  const { temperature = 0, topK = 0, topP = 1, stop = [] } = options;
  const pieces = new Pieces(stop);
  const stream = tokenizer.stream({ skipSpecialTokens: true });
  const shouldStop = stopCondition(lm, stop);
  const ended = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal;

  let completion: Completion | undefined;
  let wake = () => {};
  let done = false;
  let failure: unknown;
  const work = withSteering(async (steering) => {
    const request = {
      prompt: promptIds,
      maxNewTokens: options.maxNewTokens ?? 128,
      completions: [{ sampling: { temperature, topK, topP }, key: { step: 0, prompt: 0, completion: 0 } }],
    };
    const [completions] = await generate(lm.model, [request], {
      seed: options.seed ?? 0,
      eosIds: lm.eosIds,
      steering,
      signal,
      ...(shouldStop && { shouldStop }),
      onToken: (_request, _completion, id) => {
        pieces.push(stream.push(id));
        wake();
      },
    });
    completion = completions?.[0];
    pieces.end(stream.flush());
  })
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => {
      done = true;
      wake();
    });

  try {
    while (true) {
      const piece = pieces.take();
      if (piece !== '') yield { type: 'text', text: piece };
      else if (done) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    if (failure !== undefined) throw failure;
    if (!completion) throw new Error('a generation gave no completion');
    const { ids, finishReason } = completion;
    yield { type: 'end', result: { text: pieces.text, promptIds, ids, finishReason } };
  } finally {
    // Whoever left the loop early wants no more tokens, and the device is free again when this returns.
    ended.abort();
    await work;
  }
}

/** Text as it may be shown: what could be the beginning of a stop text is held back, and nothing follows one. */
class Pieces {
  /** All that was given out. */
  text = '';
  readonly #stop: readonly string[];
  #held = '';
  #stopped = false;
  #ready = '';

  constructor(stop: readonly string[]) {
    this.#stop = stop;
  }

  push(piece: string): void {
    if (this.#stopped) return;
    this.#held += piece;
    const found = this.#stop.map((stop) => this.#held.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.#stopped = true;
      this.#give(Math.min(...found));
    } else this.#give(this.#held.length - this.#couldBeStop());
  }

  end(piece: string): void {
    this.push(piece);
    if (!this.#stopped) this.#give(this.#held.length);
  }

  take(): string {
    const ready = this.#ready;
    this.#ready = '';
    return ready;
  }

  #give(length: number): void {
    const piece = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#ready += piece;
    this.text += piece;
  }

  /** Characters at the end of what is held that may be the first of a stop text. */
  #couldBeStop(): number {
    let longest = 0;
    for (const stop of this.#stop) {
      for (let n = Math.min(stop.length - 1, this.#held.length); n > longest; n--) {
        if (this.#held.endsWith(stop.slice(0, n))) longest = n;
      }
    }
    return longest;
  }
}
