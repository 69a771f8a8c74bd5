import { transfer } from 'comlink';
import { attentionWeights } from '../../src/eval/attention_weights.ts';
import { readVectors, tokenText } from '../../src/eval/lens.ts';
import { promptLens } from '../../src/eval/prompt_lens.ts';
import { UserError } from '../../src/gpu/errors.ts';
import type { LanguageModel } from '../../src/model/language_model.ts';
import type { Steering } from '../../src/model/steering.ts';
import {
  ATTENTION_TOKENS,
  type AttentionReading,
  type AttentionRequest,
  type InspectedPrompt,
  type InspectedToken,
  LENS_TOKENS,
  type PromptReading,
  type VectorsReading,
  type VectorsStamp,
} from './inspection_types.ts';
import type { Session } from './session.ts';
import { type CurrentVectors, withVectors } from './vectors.ts';

/** Tokens of a list of the vectors' lens. */
const VECTOR_TOKENS = { top: 12, bottom: 6 };
/** Tokens of a cell of a prompt's lens. */
const CELL_TOKENS = 10;

/** What is inside: the vectors, the residual stream of a prompt, the attention of a layer. */
export class Inspection {
  readonly #session: Session;
  readonly #serials = new WeakMap<CurrentVectors, number>();
  #serial = 0;
  #stop: AbortController | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The vectors that are in use; undefined where there are none. */
  stamp(): VectorsStamp | undefined {
    const { vectors } = this.#session;
    return vectors && this.#stampOf(vectors);
  }

  /** The vectors through the unembedding, and how they lie to each other. @throws UserError where there are none */
  async vectors(): Promise<VectorsReading> {
    return this.#session.turn.take('reading the vectors', async () => {
      const { lm, vectors } = this.#session;
      if (!vectors) throw new UserError('There are no vectors yet: train some, or open a file of them.');
      const lens = await readVectors(lm, vectors.values, VECTOR_TOKENS);
      // Fetched when it is first wanted: no other view needs it.
      const { geometryOf } = await import('../../src/eval/geometry.ts');
      return { ...this.#stampOf(vectors), lens, geometry: geometryOf(vectors.values, vectors.layers) };
    });
  }

  /**
   * The logit lens of a prompt, without the vectors and, where there are any, with them; ends the reading before.
   *
   * @param onProgress hears the share of the cells that are done, 0 to 1
   * @throws UserError for an empty prompt or one longer than `LENS_TOKENS`
   */
  async prompt(prompt: InspectedPrompt, onProgress: (share: number) => void): Promise<PromptReading> {
    const signal = this.#restart();
    return this.#session.turn.take('reading a prompt', async () => {
      signal.throwIfAborted();
      const { lm, vectors } = this.#session;
      const ids = promptIds(lm, prompt, LENS_TOKENS);
      const lens = await this.#steered(vectors, (steering) =>
        promptLens(lm.model, ids, { k: CELL_TOKENS, steering, signal, onProgress }),
      );
      const named = new Set([...lens.base.ids, ...(lens.steered?.ids ?? [])]);
      const arrays = [lens.base, lens.steered].flatMap((side) => (side ? Object.values(side) : []));
      if (lens.kl) arrays.push(lens.kl);
      return transfer(
        {
          tokens: inspected(lm, ids),
          lens,
          names: new Map([...named].map((id) => [id, tokenText(lm.tokenizer, id)])),
          ...(vectors && { vectors: this.#stampOf(vectors) }),
        },
        arrays.map(({ buffer }) => buffer as ArrayBuffer),
      );
    });
  }

  /**
   * The attention of a layer over a prompt; ends the reading before.
   * @throws UserError for an empty prompt, one longer than `ATTENTION_TOKENS`, or a layer that the model does not have
   */
  async attention(request: AttentionRequest): Promise<AttentionReading> {
    const signal = this.#restart();
    return this.#session.turn.take('reading attention', async () => {
      signal.throwIfAborted();
      const { lm, vectors } = this.#session;
      const { layer, steered } = request;
      const ids = promptIds(lm, request, ATTENTION_TOKENS);
      if (steered && !vectors) throw new UserError('There are no vectors to add: train some, or open a file of them.');
      const weights = await this.#steered(steered ? vectors : undefined, (steering) =>
        attentionWeights(lm.model, ids, layer, steering),
      );
      const heads = lm.model.config.num_attention_heads;
      return transfer({ tokens: inspected(lm, ids), layer, heads, weights }, [weights.buffer as ArrayBuffer]);
    });
  }

  /** Ends the reading that goes on; its promise rejects with an AbortError. */
  cancel(): void {
    this.#stop?.abort();
  }

  #restart(): AbortSignal {
    this.#stop?.abort();
    this.#stop = new AbortController();
    return this.#stop.signal;
  }

  #stampOf(vectors: CurrentVectors): VectorsStamp {
    let serial = this.#serials.get(vectors);
    if (serial === undefined) {
      serial = ++this.#serial;
      this.#serials.set(vectors, serial);
    }
    return { name: vectors.name, serial };
  }

  /** Runs `work` with the vectors on the GPU, or without any. */
  async #steered<T>(
    vectors: CurrentVectors | undefined,
    work: (steering: Steering | undefined) => Promise<T>,
  ): Promise<T> {
    if (!vectors) return work(undefined);
    return withVectors(this.#session.lm.model, vectors, 1, work);
  }
}

function promptIds({ model, tokenizer }: LanguageModel, { text, asChat }: InspectedPrompt, most: number): number[] {
  const rendered = asChat ? tokenizer.renderChat([{ role: 'user', content: text }]) : text;
  // A chat template writes its special tokens itself.
  const ids = tokenizer.encode(rendered, { addSpecialTokens: !asChat });
  const room = Math.min(most, model.maxPositions);
  if (ids.length < 2)
    throw new UserError('The prompt is too short: two tokens are the least, as each predicts the next.');
  if (ids.length > room) {
    const why = room < most ? `the model's context holds ${room}` : `this view reads ${most} at the most`;
    throw new UserError(`The prompt is ${ids.length} tokens long, and ${why}: shorten it.`);
  }
  return ids;
}

function inspected({ tokenizer }: LanguageModel, ids: readonly number[]): InspectedToken[] {
  return ids.map((id) => ({ id, text: tokenText(tokenizer, id) }));
}
