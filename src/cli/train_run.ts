import { now } from '#platform';
import { parseProblems } from '../eval/data.ts';
import { UserError } from '../gpu/errors.ts';
import { loadCheckpoint } from '../train/checkpoint.ts';
import type { TrainConfig } from '../train/config.ts';
import { type ExperimentResult, runExperiment } from '../train/experiment.ts';
import type { Context } from './command.ts';
import { folderStore } from './folder_store.ts';
import { configFrom } from './run_options.ts';
import { runView } from './run_view.ts';
import { askerFor, openModel, ownFile, readProblems, readText, rewardFor } from './setup.ts';

/** Runs or resumes one experiment from the command line; its results are on disk when this returns. */
export async function trainRun(
  context: Context,
  options: Readonly<Record<string, unknown>>,
  file?: string,
): Promise<ExperimentResult & { where: string; config: TrainConfig }> {
  const resumeFrom = options.resume as string | undefined;
  const { signal } = context;
  const checkpoint = resumeFrom === undefined ? undefined : await loadCheckpoint(await folderStore(resumeFrom));
  const config = await configFrom(file, options, checkpoint?.config);
  if (config.model === undefined)
    throw new UserError(
      'No model was named. Give --model FOLDER or --model FILE.gguf, or `model:` in the configuration.',
    );
  const { trainProblems, testProblems } = await problemsFor(config);
  const { reward, rewardName } = await rewardFor(config);
  const where = resumeFrom ?? config.output_dir ?? defaultFolder(config.model);
  const store = await folderStore(where);
  const device = await context.openDevice(
    config.memory_budget === undefined ? {} : { memoryBudget: config.memory_budget },
  );
  const lm = await openModel(context, device, config.model);
  const { encode, stop } = await askerFor(config, lm);
  const result = await runExperiment({
    lm,
    config,
    store,
    encode,
    stop,
    reward,
    rewardName,
    trainProblems,
    testProblems,
    resume: checkpoint !== undefined,
    now,
    signal,
    on: runView(context, { from: checkpoint?.step ?? 0, to: config.max_steps }),
  });
  return { ...result, where, config };
}

/** Training problems and those held out: the model's own, or those of the files that the configuration names. */
async function problemsFor(config: TrainConfig) {
  const keys = { questionKey: config.question_key, answerKey: config.answer_key };
  const model = config.model as string;
  const own = config.data === undefined;
  const data = config.data ?? ownFile(model, 'problems-train.jsonl');
  if (data === undefined) {
    throw new UserError(
      `No problems: ${model} brings none of its own. Give --data FILE, JSON lines with a question and an answer each.`,
    );
  }
  const trainProblems = await readProblems(data, keys);
  const heldOut = config.eval_data ?? (own ? ownFile(model, 'problems-test.jsonl') : undefined);
  const testProblems = heldOut === undefined ? [] : parseProblems(await readText(heldOut), heldOut, keys);
  return { trainProblems, testProblems: testProblems.slice(0, config.eval_size ?? testProblems.length) };
}

function defaultFolder(model: string): string {
  const name = (model.replace(/\/+$/, '').split('/').at(-1) as string).replace(/\.gguf$/, '');
  return `runs/${name}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`;
}
