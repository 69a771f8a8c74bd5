import { DOMAIN } from '../gpu/philox.ts';
import { type Completion, generate } from '../model/generate.ts';
import type { LanguageModel } from '../model/language_model.ts';
import type { Steering } from '../model/steering.ts';
import { completionText, type Prompt, requestsFor, stopCondition } from './completions.ts';
import type { AnswerKind } from './grade/extract.ts';
import { grade } from './grade/grade.ts';
import { type Accuracy, accuracy } from './stats.ts';

export interface EvaluateOptions {
  readonly answer: AnswerKind;
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Temperature of the sampled completions; one a problem. */
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  /** Which to measure; both by default. */
  readonly modes?: readonly EvaluationMode[];
  readonly steering?: Steering | undefined;
  readonly stop?: readonly string[];
  readonly maxRows?: number;
  readonly cacheBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (finished: number, total: number, tokens: number) => void;
}

export type EvaluationMode = 'greedy' | 'sampled';

/** One line of a per-problem file. */
export interface EvaluationRow {
  readonly problem: number;
  readonly mode: EvaluationMode;
  readonly question: string;
  readonly answer: string;
  readonly completion: string;
  readonly extracted: string | null;
  readonly correct: boolean;
  readonly finish_reason: 'stop' | 'length';
  readonly tokens: number;
}

export interface Evaluation {
  readonly greedy?: Accuracy;
  readonly sampled?: Accuracy;
  readonly rows: readonly EvaluationRow[];
}

/** Asks every problem once a mode, greedily and by sampling; both share the prompt's keys and values. */
export async function evaluate(
  lm: LanguageModel,
  prompts: readonly Prompt[],
  options: EvaluateOptions,
): Promise<Evaluation> {
  const modes = options.modes ?? ['greedy', 'sampled'];
  const stop = options.stop ?? [];
  const shouldStop = stopCondition(lm, stop);
  const { temperature, topK = 0, topP = 1 } = options;
  const samplings = { greedy: { temperature: 0 }, sampled: { temperature, topK, topP } };
  const requests = requestsFor(prompts, options.maxNewTokens, (prompt) =>
    modes.map((mode) => ({ sampling: samplings[mode], key: { step: 0, prompt, completion: 0 } })),
  );
  const total = prompts.length * modes.length;
  const results = await generate(lm.model, requests, {
    seed: options.seed,
    domain: DOMAIN.EVAL_SAMPLE,
    eosIds: lm.eosIds,
    steering: options.steering,
    signal: options.signal,
    ...(shouldStop && { shouldStop }),
    ...(options.maxRows !== undefined && { maxRows: options.maxRows }),
    ...(options.cacheBytes !== undefined && { cacheBytes: options.cacheBytes }),
    onProgress: (tokens, finished) => options.onProgress?.(finished, total, tokens),
  });
  const rows: EvaluationRow[] = [];
  for (const [i, completions] of results.entries()) {
    for (const [k, completion] of completions.entries()) {
      rows.push(await judge(lm, prompts[i] as Prompt, completion, modes[k] as EvaluationMode, options.answer, stop));
    }
  }
  return Object.assign(
    { rows },
    ...modes.map((mode) => ({ [mode]: accuracy(rows.filter((row) => row.mode === mode).map((row) => row.correct)) })),
  );
}

async function judge(
  lm: LanguageModel,
  prompt: Prompt,
  completion: Completion,
  mode: EvaluationMode,
  kind: AnswerKind,
  stop: readonly string[],
): Promise<EvaluationRow> {
  const text = completionText(lm, completion, stop);
  const { correct, extracted } = await grade(text, prompt.problem.answer, kind);
  return {
    problem: prompt.problem.index,
    mode,
    question: prompt.problem.question,
    answer: prompt.problem.answer,
    completion: text,
    extracted: extracted ?? null,
    correct,
    finish_reason: completion.finishReason,
    tokens: completion.ids.length,
  };
}
