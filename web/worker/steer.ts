import { transfer } from 'comlink';
import { now, readFile } from '#platform';
import { asker } from '../../src/eval/ask.ts';
import { stopCondition } from '../../src/eval/completions.ts';
import { parseProblems } from '../../src/eval/data.ts';
import { type AnswerRule, judge } from '../../src/eval/judge.ts';
import { type NextTokenChoices, nextTokenChoices } from '../../src/eval/next_token.ts';
import { PRESETS, resolvePrompt, SYSTEM_LINE } from '../../src/eval/prompts.ts';
import { UserError } from '../../src/gpu/errors.ts';
import type { ChatMessage } from '../../src/model/chat.ts';
import { type Completion, type GenerationLane, generateSideBySide } from '../../src/model/generate.ts';
import type { LanguageModel } from '../../src/model/language_model.ts';
import type { Steering } from '../../src/model/steering.ts';
import { sequenceLogps } from '../../src/train/sequence_logps.ts';
import type { Session } from './session.ts';
import { Told } from './steer_stream.ts';
import {
  COLUMNS,
  type Column,
  type ColumnOutcome,
  type Formats,
  type OpenedVectors,
  type Push,
  type Scores,
  type SteerOutcome,
  type SteerRequest,
  type StreamBatch,
  type VectorsInfo,
} from './steer_types.ts';
import { SteerVectors, weighed } from './steer_vectors.ts';
import { type CurrentVectors, withVectors } from './vectors.ts';

/** Questions for who has none of their own: those that the demonstration is measured with, beside the page. */
const EXAMPLES = new URL('models/demo/problems-test.jsonl', self.name).href;
/** Rows of one pass over finished texts. */
const MAX_ROWS = 1024;

/** How a column's prompt was put, and what judges the answer. */
interface Asked {
  readonly ids: readonly number[];
  readonly stop: readonly string[];
  readonly rule: AnswerRule;
}

/** A text that a column shows. */
interface Shown {
  readonly lm: LanguageModel;
  readonly prompt: readonly number[];
  readonly ids: readonly number[];
}

/** Base and steered text from one prompt, and what the vectors did to each token. */
export class Steer {
  readonly #session: Session;
  readonly #vectors: SteerVectors;
  readonly #shown: Partial<Record<Column, Shown>> = {};
  /** Weighed by what was asked for, as they were then: training may go on meanwhile. */
  #used: CurrentVectors | undefined;
  #stop: AbortController | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#vectors = new SteerVectors(session);
  }

  /** The vectors that are in use; undefined where there are none. */
  vectors(): VectorsInfo | undefined {
    return this.#vectors.info();
  }

  /** @throws UserError for a file that cannot be used; see `SteerVectors.open` */
  openVectors(file: File, anyway = false): Promise<OpenedVectors> {
    return this.#vectors.open(file, anyway);
  }

  closeVectors(): void {
    this.#vectors.close();
  }

  /** The bytes of a file: the vectors as they are, or with a push multiplied into them. @throws UserError where there are none */
  saveVectors(push?: Push): { readonly name: string; readonly bytes: Uint8Array } {
    const saved = this.#vectors.save(push);
    return transfer(saved, [saved.bytes.buffer]);
  }

  /** The formats that a question can be asked in. */
  formats(): Formats {
    const formats = Object.entries(PRESETS)
      .filter(([, spec]) => !spec.chat)
      .map(([name, { template, examples }]) => ({ name, template, examples: examples.length }));
    return { formats, system: SYSTEM_LINE };
  }

  async examples(): Promise<{ readonly question: string; readonly answer: string }[]> {
    const text = new TextDecoder().decode(await readFile(EXAMPLES));
    return parseProblems(text, EXAMPLES).map(({ question, answer }) => ({ question, answer }));
  }

  /**
   * Generates the columns that are asked for, side by side; ends the run before. `onTokens` hears of the tokens, several at
   * a time.
   *
   * @throws UserError where there is no model, the prompt is empty or too long, or vectors are wanted and there are none
   */
  async generate(request: SteerRequest, onTokens: (batch: StreamBatch) => void): Promise<SteerOutcome> {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    return this.#session.turn.take('generating text', () => this.#generate(request, onTokens, stop.signal));
  }

  /** Ends the run that goes on; its columns keep what they have. */
  stop(): void {
    this.#stop?.abort();
  }

  /** What base model and vectors think of the texts that are shown. Nothing where the steered one had no vectors. */
  async scores(): Promise<Scores> {
    return this.#session.turn.take('comparing the texts', async () => {
      const used = this.#used;
      const shown = this.#stillShown();
      if (!used || shown.length === 0) return {};
      const scores: Partial<Record<Column, Record<Column, Float32Array>>> = {};
      const groups = groupsOf(shown);
      await withVectors(this.#session.lm.model, used, 1, async (steering) => {
        for (const side of COLUMNS) {
          const logps = await sequenceLogps(this.#session.lm.model, groups, {
            temperature: 1,
            maxRows: MAX_ROWS,
            steering: side === 'steered' ? steering : undefined,
          });
          groups.forEach(({ columns }, g) => {
            columns.forEach((column, c) => {
              const of = scores[column] ?? { base: new Float32Array(), steered: new Float32Array() };
              scores[column] = { ...of, [side]: logps[g]?.[c] ?? new Float32Array() };
            });
          });
        }
      });
      return scores;
    });
  }

  /**
   * What could have stood in the place of a column's token, by the base model and, where there are vectors, with them.
   * @throws UserError where the column has no such token, or another model was loaded since
   */
  async choices(column: Column, step: number, k: number): Promise<NextTokenChoices> {
    return this.#session.turn.take('looking at a token', async () => {
      const shown = this.#shown[column];
      const id = shown?.ids[step];
      if (!shown || id === undefined || shown.lm !== this.#session.lm)
        throw new UserError('This text is of a model that was loaded before: generate it again.');
      const ids = [...shown.prompt, ...shown.ids.slice(0, step)];
      const look = (sides: readonly (Steering | undefined)[]) => nextTokenChoices(shown.lm, ids, sides, k, id);
      if (!this.#used) return look([undefined]);
      return withVectors(shown.lm.model, this.#used, 1, (steering) => look([undefined, steering]));
    });
  }

  async #generate(
    request: SteerRequest,
    onTokens: (batch: StreamBatch) => void,
    signal: AbortSignal,
  ): Promise<SteerOutcome> {
    const { lm } = this.#session;
    const { run, columns, seed, maxNewTokens, temperature, topK, topP } = request;
    const begun = now();
    const told = new Told(run, lm.tokenizer, onTokens);
    const asked = columns.map((column) => this.#ask(request, column));
    if (asked.some(({ ids }) => ids.length === 0))
      throw new UserError('The prompt is empty: write something for the model to continue.');
    const used = columns.includes('steered') ? this.#weigh(request) : undefined;
    this.#used = used;
    if (!used) delete this.#shown.steered;
    const lanes = (steering: Steering | undefined): GenerationLane[] =>
      columns.map((column, i) => {
        const { ids, stop } = asked[i] as Asked;
        const shouldStop = stopCondition(lm, stop);
        const taken: number[] = [];
        this.#shown[column] = { lm, prompt: ids, ids: taken };
        return {
          requests: [
            {
              prompt: ids,
              maxNewTokens,
              completions: [{ sampling: { temperature, topK, topP }, key: { step: 0, prompt: 0, completion: 0 } }],
            },
          ],
          options: {
            seed,
            eosIds: lm.eosIds,
            steering: column === 'steered' ? steering : undefined,
            signal,
            ...(shouldStop && { shouldStop }),
            onToken: (_request, _completion, id, logprob, entropy) => {
              told.token(column, { id, logprob, entropy, step: taken.length });
              taken.push(id);
            },
          },
        };
      });
    const generate = (steering?: Steering) => generateSideBySide(lm.model, lanes(steering));
    let completions: (Completion | undefined)[] = [];
    try {
      const results = used ? await withVectors(lm.model, used, 1, generate) : await generate();
      completions = results.map((lane) => lane[0]?.[0]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      told.end();
    }
    const outcomes: Partial<Record<Column, ColumnOutcome>> = {};
    for (const [i, column] of columns.entries()) {
      const { ids, stop, rule } = asked[i] as Asked;
      const { text, kept } = told.textOf(column, stop);
      const verdict = request.gold === undefined ? undefined : await judge(text, request.gold, rule);
      const finishReason = completions[i]?.finishReason ?? 'stopped';
      outcomes[column] = { text, promptTokens: ids.length, kept, finishReason, verdict };
    }
    return { run, seconds: (now() - begun) / 1000, columns: outcomes };
  }

  /** A column's prompt. A chat template writes its special tokens itself; other prompts begin with the tokenizer's. */
  #ask({ input }: SteerRequest, column: Column): Asked {
    const { lm } = this.#session;
    const { tokenizer } = lm;
    if (input.kind === 'text')
      return { ids: tokenizer.encode(input.text, { addSpecialTokens: true }), stop: [], rule: 'boxed' };
    if (input.kind === 'question') {
      const spec = resolvePrompt(input.format, tokenizer.hasChatTemplate);
      const { ids } = asker(lm, spec)({ question: input.question, answer: '', index: 0, source: 'the question' });
      return { ids, stop: spec.stop, rule: spec.answer?.[0] ?? 'boxed' };
    }
    const messages: ChatMessage[] = [
      ...(input.system.trim() === '' ? [] : [{ role: 'system', content: input.system }]),
      ...input.past.flatMap((turn) => [
        { role: 'user', content: turn.user },
        { role: 'assistant', content: turn[column] },
      ]),
      { role: 'user', content: input.message },
    ];
    return { ids: tokenizer.encode(tokenizer.renderChat(messages)), stop: [], rule: 'boxed' };
  }

  #weigh({ strength, layers }: Push): CurrentVectors {
    const { current } = this.#vectors;
    return { ...current, values: weighed(current, layers), scale: current.scale * strength };
  }

  /** The columns' texts that are of the model that is loaded, and not empty. */
  #stillShown(): { readonly column: Column; readonly shown: Shown }[] {
    const { lm } = this.#session;
    return COLUMNS.flatMap((column) => {
      const shown = this.#shown[column];
      return shown?.lm === lm && shown.ids.length > 0 ? [{ column, shown }] : [];
    });
  }
}

/** What `sequenceLogps` takes: texts that have the same prompt share it. */
function groupsOf(shown: readonly { readonly column: Column; readonly shown: Shown }[]) {
  const groups = new Map<
    string,
    { prompt: readonly number[]; completions: (readonly number[])[]; columns: Column[] }
  >();
  for (const { column, shown: one } of shown) {
    const key = one.prompt.join();
    const group = groups.get(key) ?? { prompt: one.prompt, completions: [], columns: [] };
    group.completions.push(one.ids);
    group.columns.push(column);
    groups.set(key, group);
  }
  return [...groups.values()];
}
