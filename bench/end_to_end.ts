import { type Prompt, requestsFor, stopCondition } from '../src/eval/completions.ts';
import type { Problem } from '../src/eval/data.ts';
import type { Timing } from '../src/gpu/timing.ts';
import { type GenerateOptions, type GenerationRequest, generate } from '../src/model/generate.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import type { TrainConfig } from '../src/train/config.ts';
import type { PolicyGroup } from '../src/train/policy.ts';
import { interleaved } from './measure.ts';
import type { Row, Rows } from './row.ts';
import { dispatchesOf, repeated, rolloutRequests, type Work, workRow } from './whole_work.ts';

/** Hears how far a part of the benchmark is: how much of it is done, of how much, and what is under way. */
export type OnTurn = (part: string, done: number, total: number, what?: string) => void;

/** The model and task that the rows are measured on. */
export interface EndToEnd {
  readonly lm: LanguageModel;
  readonly config: TrainConfig;
  readonly problems: readonly Problem[];
  readonly encode: (problem: Problem) => Prompt;
  readonly stop: readonly string[];
  /** Hears what the training pass was given and what it gave, for comparison with other implementations. */
  readonly onTraining?: ((training: MeasuredTraining) => void) | undefined;
  /** Hears how many turns of what is being measured are done. */
  readonly onTurn?: OnTurn | undefined;
}

/** The completions of a measured training pass, the vectors' one value, and the gradient [L, C] of the mean loss of a token. */
export interface MeasuredTraining {
  readonly groups: readonly PolicyGroup[];
  readonly vector: number;
  readonly gradient: readonly number[];
}

export const END_TO_END_NAMES = ['prefill', 'rollout'] as const;

/** Prompts of one prefill. */
const PREFILL_PROMPTS = 16;

/** Profiles one more run of what a row measures. */
export type ProfileRun = (name: string, run: () => Promise<unknown>) => Promise<void>;

/** Measures the rows that `wanted` takes and hands each to `emit`. */
export async function endToEndRows(
  setup: EndToEnd,
  rows: Rows,
  wanted: (name: string) => boolean,
  profile: ProfileRun | undefined,
  emit: (row: Row) => void,
): Promise<void> {
  const bench = new EndToEndBench(setup, rows, profile, emit);
  if (wanted('prefill')) await bench.prefill();
  if (wanted('rollout')) await bench.rollout();
}

class EndToEndBench {
  readonly #o: EndToEnd;
  readonly #rows: Rows;
  readonly #profile: ProfileRun | undefined;
  readonly #emit: (row: Row) => void;
  readonly #prompts: readonly Prompt[];

  constructor(setup: EndToEnd, rows: Rows, profile: ProfileRun | undefined, emit: (row: Row) => void) {
    this.#o = setup;
    this.#rows = rows;
    this.#profile = profile;
    this.#emit = emit;
    this.#prompts = setup.problems.slice(0, Math.max(PREFILL_PROMPTS, setup.config.num_prompts)).map(setup.encode);
  }

  /** Prompts to their first token. */
  async prefill(): Promise<void> {
    const prompts = this.#prompts.slice(0, PREFILL_PROMPTS);
    const requests = requestsFor(prompts, 1, (prompt) => [
      { sampling: { temperature: 1 }, key: { step: 0, prompt, completion: 0 } },
    ]);
    const tokens = prompts.reduce((sum, prompt) => sum + prompt.ids.length, 0);
    const pairs = prompts.reduce((sum, { ids }) => sum + (ids.length * (ids.length + 1)) / 2, 0);
    const run = () => this.#generate(requests);
    const [time] = (await this.#interleaved('prefill', run)) as [Timing];
    const dispatches = await dispatchesOf(this.#o.lm.model.device, run);
    const work = dispatches && { dispatches, attentionShare: pairs / (tokens ** 2 / 2) };
    this.#row('prefill', `${prompts.length} prompts, ${tokens} tokens`, time, tokens, work);
    await this.#profile?.('prefill', run);
  }

  /** The completions of a training step, to their ends. */
  async rollout(): Promise<void> {
    const { lm, stop } = this.#o;
    const shouldStop = stopCondition(lm, stop);
    const options = { eosIds: lm.eosIds, ...(shouldStop && { shouldStop }) };
    let tokens = 0;
    const run = async () => {
      const completions = await this.#generate(rolloutRequests(this.#o.config, this.#prompts), options);
      tokens = completions.flat().reduce((sum, completion) => sum + completion.ids.length, 0);
    };
    const [time] = (await this.#interleaved('rollout', run)) as [Timing];
    this.#row('rollout', `${this.#group()}, ${tokens} tokens`, time, tokens);
    await this.#profile?.('rollout', run);
  }

  #interleaved(name: string, run: () => Promise<unknown>): Promise<Timing[]> {
    return interleaved([repeated(run)], undefined, (done, total) => this.#o.onTurn?.(name, done, total));
  }

  #generate(requests: readonly GenerationRequest[], options: Partial<GenerateOptions> = {}) {
    return generate(this.#o.lm.model, requests, { seed: 0, eosIds: [], ...options });
  }

  #group(): string {
    return `${this.#o.config.num_prompts} prompts x ${this.#o.config.num_generations}`;
  }

  #row(name: string, shape: string, time: Timing, tokens: number, work?: Work): void {
    this.#emit(workRow(this.#rows, this.#o.lm, { name, shape, time, tokens, work }));
  }
}
