import { basename, dirname } from 'node:path';
import { version } from '#platform';
import type { Prompt } from '../eval/completions.ts';
import type { Problem } from '../eval/data.ts';
import { type Evaluation, type EvaluationMode, evaluate } from '../eval/evaluate.ts';
import { EvaluationLog, type LogSettings } from '../eval/evaluation_log.ts';
import type { AnswerRule } from '../eval/judge.ts';
import type { PromptSpec } from '../eval/prompts.ts';
import { sha256 } from '../gpu/digest.ts';
import type { LanguageModel } from '../model/language_model.ts';
import { uploadSteering } from '../model/steering.ts';
import type { Context } from './command.ts';
import { folderStore } from './folder_store.ts';
import type { ReadSteering } from './model_options.ts';
import { Progress } from './progress.ts';

/** One way to ask a model, to be measured on its own or beside others. */
export interface ArmPlan {
  readonly name: string;
  readonly spec: PromptSpec;
  readonly stop: readonly string[];
  readonly prompts: readonly Prompt[];
  readonly steering: ReadSteering | undefined;
  /** Per-problem file, where one is wanted. */
  readonly details: string | undefined;
}

/** What is alike in all arms. */
export interface Measuring {
  readonly answer: AnswerRule;
  readonly also: readonly AnswerRule[];
  readonly maxNewTokens: number;
  readonly modes: readonly EvaluationMode[];
  readonly samples: number;
  readonly ks: readonly number[] | undefined;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
}

/** Measures one arm, going on from what its per-problem file holds. `describe` makes the summary beside that file. */
export async function measureArm(
  context: Context,
  lm: LanguageModel,
  arm: ArmPlan,
  how: Measuring,
  describe: (result: Evaluation) => object,
): Promise<Evaluation> {
  const { device, config } = lm.model;
  const log = arm.details === undefined ? undefined : await openLog(arm.details, arm, how, lm);
  const each = how.modes.reduce((sum, mode) => sum + (mode === 'greedy' ? 1 : how.samples), 0);
  const total = arm.prompts.length * each;
  const before = log?.done.length ?? 0;
  if (before === total) context.note(`${arm.details} holds all ${total} answers already: nothing is sampled.`);
  else if (before > 0) context.note(`${before} of ${total} answers are there already: going on.`);
  const progress = new Progress({ label: arm.name, total, start: before });
  const { read, upload } = { read: arm.steering, upload: uploadSteering };
  try {
    const result = await evaluate(lm, arm.prompts, {
      ...how,
      stop: arm.stop,
      steering: read && upload(device, config, read.file, read.scale, read.path),
      signal: context.signal,
      ...(log && { done: log.done, onRow: (row) => log.add(row) }),
      onProgress: (finished, _total, tokens) => progress.update(finished, { text: `${tokens} tokens` }),
    });
    await log?.finish(result, describe(result));
    return result;
  } catch (error) {
    progress.finish();
    if (context.signal.aborted) {
      context.note(
        log
          ? `What was finished is in ${arm.details}.partial: the same command goes on from there.`
          : 'Nothing was kept. With --details FILE an interrupted evaluation can go on.',
      );
    }
    throw error;
  } finally {
    progress.finish();
  }
}

async function openLog(path: string, arm: ArmPlan, how: Measuring, lm: LanguageModel): Promise<EvaluationLog> {
  const store = await folderStore(dirname(path));
  const settings: LogSettings = {
    trimtab: version,
    adapter: lm.model.device.caps.adapter,
    model: lm.model.identity,
    steering: arm.steering ? await digest(arm.steering.file.vectors) : null,
    scale: arm.steering?.scale ?? null,
    prompt: await digest(new TextEncoder().encode(JSON.stringify(arm.spec))),
    stop: arm.stop,
    answer: how.answer,
    also: how.also,
    max_new_tokens: how.maxNewTokens,
    temperature: how.temperature,
    top_k: how.topK,
    top_p: how.topP,
    seed: how.seed,
  };
  const samples = {
    greedy: how.modes.includes('greedy') ? 1 : 0,
    sampled: how.modes.includes('sampled') ? how.samples : 0,
  };
  const problems: readonly Problem[] = arm.prompts.map(({ problem }) => problem);
  return EvaluationLog.open(store, basename(path), settings, { problems, samples });
}

async function digest(bytes: Uint8Array | Float32Array): Promise<string> {
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (await sha256(view)).slice(0, 16);
}
