import { UserError } from '../gpu/errors.ts';
import { DOMAIN } from '../gpu/philox.ts';
import { type Completion, generate } from '../model/generate.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Steering } from '../model/steering.ts';
import { completionText, type Prompt, stopCondition } from './completions.ts';
import { type AnswerRule, type Judgement, judge, votesOf } from './judge.ts';
import { byProblem, type Measured, summarise } from './summary.ts';

export interface EvaluateOptions {
  /** How answers are found and compared. */
  readonly answer: AnswerRule;
  /** More rules by which the same completions are read. */
  readonly also?: readonly AnswerRule[];
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Of the sampled completions, as are `topK` (0: all) and `topP` (1: all). */
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  /** Sampled completions a problem. Default 1. */
  readonly samples?: number;
  /** Where pass@k and maj@k are read; default: the powers of two up to `samples`. */
  readonly ks?: readonly number[] | undefined;
  /** Which to measure; both by default. */
  readonly modes?: readonly EvaluationMode[];
  readonly steering?: Steering | undefined;
  readonly stop?: readonly string[];
  readonly maxRows?: number;
  readonly cacheBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Rows of the same evaluation from before an interruption: these completions are not sampled again. */
  readonly done?: readonly EvaluationRow[];
  /** Each row as it finishes, in no order; the next one waits for it. */
  readonly onRow?: (row: EvaluationRow) => void | Promise<void>;
  readonly onProgress?: (finished: number, total: number, tokens: number) => void;
}

export type EvaluationMode = 'greedy' | 'sampled';

/** One line of a per-problem file: one completion. */
export interface EvaluationRow extends Judgement {
  /** Place of the problem in its file, from 0. */
  readonly problem: number;
  readonly mode: EvaluationMode;
  /** Counts the completions of a problem in a mode, from 0. */
  readonly sample: number;
  readonly question: string;
  /** The gold answer. */
  readonly answer: string;
  readonly completion: string;
  /** The first sample with an equal answer, which may be itself; null for no answer: what maj@k counts. */
  readonly vote: number | null;
  /** What other rules find in the same completion. */
  readonly also?: Readonly<Record<string, Judgement>>;
  readonly finish_reason: 'stop' | 'length';
  readonly tokens: number;
}

export interface Evaluation {
  readonly greedy?: Measured;
  readonly sampled?: Measured;
  /** By problem in the order of the prompts, greedy first, then sample by sample. */
  readonly rows: readonly EvaluationRow[];
}

/**
 * Asks every problem, greedily and by sampling; all completions of a problem share its prompt's keys and values. A completion
 * depends on the seed, the problem's index and its own number alone: neither on the batch nor on where an earlier run
 * was interrupted.
 * @throws the signal's reason when aborted, after `onRow` has had every completion that was finished
 */
export async function evaluate(
  lm: LanguageModel,
  prompts: readonly Prompt[],
  options: EvaluateOptions,
): Promise<Evaluation> {
  const modes = options.modes ?? ['greedy', 'sampled'];
  const { samples = 1, done = [] } = options;
  const numbers = new Set(prompts.map(({ problem }) => problem.index));
  if (numbers.size < prompts.length) {
    throw new UserError(
      `${prompts.length} problems have only ${numbers.size} different numbers (index): they would be taken for one another. ` +
        'Problems of several files are counted on (the offset of parseProblems).',
    );
  }
  const known = new Set(done.map(rowKey));
  const wanted = modes.flatMap((mode) =>
    Array.from({ length: mode === 'greedy' ? 1 : samples }, (_, sample) => ({ mode, sample })),
  );
  const asked = prompts
    .map((prompt) => ({
      prompt,
      todo: wanted.filter((one) => !known.has(rowKey({ problem: prompt.problem.index, ...one }))),
    }))
    .filter(({ todo }) => todo.length > 0);
  const rows = [...done];
  const total = prompts.length * wanted.length;
  await sampleAll(lm, asked, options, {
    row: async (row) => {
      rows.push(row);
      await options.onRow?.(row);
    },
    progress: (finished, tokens) => options.onProgress?.(done.length + finished, total, tokens),
  });
  const ordered = await withVotes(inOrder(rows, prompts), options.answer);
  return Object.assign({ rows: ordered }, ...modes.map((mode) => ({ [mode]: summarise(ordered, mode, options.ks) })));
}

/** What a row is one of. */
export function rowKey({ problem, mode, sample }: Pick<EvaluationRow, 'problem' | 'mode' | 'sample'>): string {
  return `${problem} ${mode} ${sample}`;
}

interface Asked {
  readonly prompt: Prompt;
  readonly todo: readonly { readonly mode: EvaluationMode; readonly sample: number }[];
}

async function sampleAll(
  lm: LanguageModel,
  asked: readonly Asked[],
  options: EvaluateOptions,
  on: { row: (row: EvaluationRow) => Promise<void>; progress: (finished: number, tokens: number) => void },
): Promise<void> {
  if (asked.length === 0) return;
  const stop = options.stop ?? [];
  const shouldStop = stopCondition(lm, stop);
  const { temperature, topK = 0, topP = 1 } = options;
  const samplings = { greedy: { temperature: 0 }, sampled: { temperature, topK, topP } };
  const requests = asked.map(({ prompt, todo }) => ({
    prompt: prompt.ids,
    maxNewTokens: options.maxNewTokens,
    completions: todo.map(({ mode, sample }) => ({
      sampling: samplings[mode],
      key: { step: 0, prompt: prompt.problem.index, completion: sample },
    })),
  }));
  // Judging takes its time in a worker while the GPU goes on; what fails there ends the sampling.
  const failed = new AbortController();
  let judging = Promise.resolve();
  const onCompletion = (request: number, index: number, completion: Completion) => {
    const { prompt, todo } = asked[request] as Asked;
    const text = completionText(lm, completion, stop);
    const { finishReason } = completion;
    const tokens = completion.ids.length;
    // Nobody reads them again, and 256 samples of a thousand problems fill gigabytes.
    for (const numbers of [completion.ids, completion.logp, completion.entropy]) numbers.length = 0;
    judging = judging
      .then(async () => {
        if (failed.signal.aborted) return;
        const one = todo[index] as Asked['todo'][number];
        await on.row(await judgedRow(prompt, one, { text, finishReason, tokens }, options));
      })
      .catch((error: unknown) => failed.abort(error));
  };
  try {
    await generate(lm.model, requests, {
      seed: options.seed,
      domain: DOMAIN.EVAL_SAMPLE,
      eosIds: lm.eosIds,
      steering: options.steering,
      signal: options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal,
      onCompletion,
      ...(shouldStop && { shouldStop }),
      ...(options.maxRows !== undefined && { maxRows: options.maxRows }),
      ...(options.cacheBytes !== undefined && { cacheBytes: options.cacheBytes }),
      onProgress: (tokens, finished) => on.progress(finished, tokens),
    });
  } finally {
    await judging;
  }
  failed.signal.throwIfAborted();
}

async function judgedRow(
  { problem }: Prompt,
  { mode, sample }: Asked['todo'][number],
  completion: { text: string; finishReason: 'stop' | 'length'; tokens: number },
  { answer: rule, also = [] }: EvaluateOptions,
): Promise<EvaluationRow> {
  const { text } = completion;
  const { extracted, correct } = await judge(text, problem.answer, rule);
  const others: Record<string, Judgement> = {};
  for (const other of also) others[other] = await judge(text, problem.answer, other);
  return {
    problem: problem.index,
    mode,
    sample,
    question: problem.question,
    answer: problem.answer,
    completion: text,
    extracted,
    correct,
    vote: null,
    ...(also.length > 0 && { also: others }),
    finish_reason: completion.finishReason,
    tokens: completion.tokens,
  };
}

function inOrder(rows: readonly EvaluationRow[], prompts: readonly Prompt[]): EvaluationRow[] {
  const places = new Map(prompts.map(({ problem }, place) => [problem.index, place]));
  const place = (row: EvaluationRow) => places.get(row.problem) ?? -1;
  return [...rows].sort((a, b) => place(a) - place(b) || a.mode.localeCompare(b.mode) || a.sample - b.sample);
}

/** Fills in the votes, which take all samples of a problem. */
async function withVotes(rows: readonly EvaluationRow[], rule: AnswerRule): Promise<EvaluationRow[]> {
  const votes = new Map<EvaluationRow, number | null>();
  for (const mode of ['greedy', 'sampled'] as const) {
    for (const samples of byProblem(rows, mode)) {
      const found = await votesOf(
        samples.map((row) => row.extracted),
        rule,
      );
      for (const [i, row] of samples.entries()) votes.set(row, found[i] as number | null);
    }
  }
  return rows.map((row) => ({ ...row, vote: votes.get(row) ?? null }));
}
