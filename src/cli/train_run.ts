import { now } from '#platform';
import { longestPrompt } from '../eval/ask.ts';
import type { Problem } from '../eval/data.ts';
import { UserError } from '../gpu/errors.ts';
import type { LanguageModel } from '../model/language_model.ts';
import { contextLength, weightBytes } from '../model/model.ts';
import { type Checkpoint, checkResumable, loadCheckpoint } from '../train/checkpoint.ts';
import type { TrainConfig } from '../train/config.ts';
import { type ExperimentResult, runExperiment } from '../train/experiment.ts';
import { layerRates, trainedLayers } from '../train/layers.ts';
import { type MemoryPlan, planMemory } from '../train/memory_plan.ts';
import { type RunStore, refuseUsedFolder } from '../train/rundir.ts';
import type { Context } from './command.ts';
import { exampleRows, examplesOf } from './examples.ts';
import { folderStore } from './folder_store.ts';
import { memoryLine, planTable } from './plan_view.ts';
import { lockRun } from './run_lock.ts';
import { configFrom, freeFolder } from './run_options.ts';
import { runView } from './run_view.ts';
import { askerFor, loadModel, noteUnreadable, openFiles, ownFile, readProblems, rewardFor } from './setup.ts';

export interface FinishedRun extends ExperimentResult {
  readonly where: string;
  readonly config: TrainConfig;
}

/** A model that several runs of one command share: the first one puts it here. */
export interface Shared {
  lm?: LanguageModel;
}

/**
 * Runs or resumes one experiment from the command line; its results are on disk when this returns. What can be wrong is
 * looked at from the cheapest to the dearest, so that nothing long is begun in vain.
 *
 * @param options the fields of the configuration, `resume` (a run folder) and `dryRun`
 * @returns undefined after a dry run, which prints the plan
 */
export async function trainRun(
  context: Context,
  options: Readonly<Record<string, unknown>>,
  file?: string,
  shared: Shared = {},
): Promise<FinishedRun | undefined> {
  const resumeFrom = options.resume as string | undefined;
  if (resumeFrom !== undefined && file !== undefined) {
    throw new UserError(
      `--resume goes on with the configuration of ${resumeFrom}: leave ${file} out, and give what is to differ as options.`,
    );
  }
  const resumed = resumeFrom === undefined ? undefined : await folderStore(resumeFrom, { mustExist: true });
  const checkpoint = resumed && (await loadCheckpoint(resumed));
  const config = await configFrom(file, options, checkpoint?.config);
  const { model } = config;
  if (model === undefined)
    throw new UserError(
      'No model was named. Give --model FOLDER or --model FILE.gguf, or `model:` in the configuration.',
    );
  const rows = await exampleRows(config);
  const problems = await problemsFor(config, model, rows === undefined);
  refuseUnmeasured(config, problems.testProblems.length);
  noteUnreadable(context, [...problems.trainProblems, ...problems.testProblems]);
  const { reward, rewardName } = await rewardFor(config);

  const opened = await openFiles(model);
  const asker = await askerFor(config, opened);
  const { encode, stop } = asker;
  const { baseline_prompt: baseline } = config;
  const prompted = baseline === undefined ? undefined : await askerFor({ prompt: baseline }, opened);
  const examples = rows && examplesOf(rows, config, opened, asker);
  const trainProblems = examples?.map(({ prompt }) => prompt.problem) ?? problems.trainProblems;
  if (checkpoint) checkResumable(checkpoint, config, opened.source.identity, resumeFrom as string);
  trainedLayers(config.layers, opened.source.config.num_hidden_layers);
  layerRates(config, opened.source.config.num_hidden_layers);
  const longest = longestPrompt(
    [
      ...(examples?.map(({ prompt }) => prompt) ?? trainProblems.map(encode)),
      ...problems.testProblems.flatMap((problem) => [encode(problem), ...(prompted ? [prompted.encode(problem)] : [])]),
    ],
    contextLength(opened.source.config),
  );
  const device =
    shared.lm?.model.device ??
    (await context.openDevice(config.memory_budget === undefined ? {} : { memoryBudget: config.memory_budget }));
  const size = { config: opened.source.config, weightBytes: weightBytes(opened.source, { dtype: config.dtype }) };
  const plan = planMemory(size, config, longest, device.caps.maxBinding);
  if (options.dryRun) {
    await opened.source.close();
    showPlan(context, config, plan);
    return undefined;
  }

  if (checkpoint && checkpoint.adapter !== device.caps.adapter) {
    context.note(
      `Begun on ${checkpoint.adapter}, going on on ${device.caps.adapter}: it rounds differently, so the bytes will differ.`,
    );
  }
  const where = resumeFrom ?? config.output_dir ?? freeFolder(model);
  const store = resumed ?? (await folderStore(where));
  const unlock = lockRun(where);
  if (!checkpoint) await refuseUsedFolder(store);
  if (shared.lm) await opened.source.close();
  const lm = shared.lm ?? (await loadModel(context, opened, { dtype: config.dtype, device }));
  shared.lm = lm;
  context.note(memoryLine(plan, config));
  const { signal } = context;
  const view = runView(context, { from: checkpoint?.step ?? 0, to: config.max_steps });
  try {
    const result = await runExperiment({
      lm,
      config,
      store,
      encode,
      stop,
      reward,
      rewardName,
      trainProblems,
      testProblems: problems.testProblems,
      examples,
      prompted,
      resume: checkpoint !== undefined,
      now,
      signal,
      on: view.events,
    });
    return { ...result, where, config };
  } catch (error) {
    view.end();
    await sayHowToGoOn(context, store, config);
    throw error;
  } finally {
    view.end();
    unlock();
  }
}

interface Problems {
  readonly trainProblems: readonly Problem[];
  readonly testProblems: readonly Problem[];
}

/** Training problems and those held out: the model's own, or those of the files that the configuration names. */
async function problemsFor(config: TrainConfig, model: string, learned: boolean): Promise<Problems> {
  const keys = { questionKey: config.question_key, answerKey: config.answer_key };
  const own = config.data === undefined;
  const data = config.data ?? ownFile(model, 'problems-train.jsonl');
  if (data === undefined) {
    throw new UserError(
      `No problems: ${model} brings none of its own. Give --data FILE, JSON lines with a question and an answer each.`,
    );
  }
  // Worked solutions and pairs are read elsewhere; keys name their columns, not those of the held-out problems.
  const trainProblems = learned ? await readProblems(data, keys) : [];
  const heldOut = config.eval_data ?? (own ? ownFile(model, 'problems-test.jsonl') : undefined);
  const testProblems = heldOut === undefined ? [] : await readProblems(heldOut, learned ? keys : {});
  return { trainProblems, testProblems: testProblems.slice(0, config.eval_size ?? testProblems.length) };
}

/** @throws UserError where something is to be measured during the run, and there is nothing to measure it on */
function refuseUnmeasured(config: TrainConfig, testProblems: number): void {
  if (testProblems > 0) return;
  for (const key of ['eval_steps', 'baseline_prompt'] as const) {
    if (!config[key]) continue;
    throw new UserError(
      `${key} is ${config[key]}, and there are no held-out problems to measure. Give --eval-data FILE (and no --eval-size 0), or leave ${key} out.`,
    );
  }
}

function showPlan(context: Context, config: TrainConfig, plan: MemoryPlan): void {
  context.print(planTable(plan, config));
  context.printJson({ config, memory: plan });
}

/** After a run that ended early, for whatever reason: what is on disk, and the command that continues it. */
async function sayHowToGoOn(context: Context, store: RunStore, config: TrainConfig): Promise<void> {
  const saved: Checkpoint | undefined = await loadCheckpoint(store).catch(() => undefined);
  if (!saved) return;
  context.note(
    `${saved.step} of ${config.max_steps} steps are saved in ${store.where}. Go on with: trimtab train --resume ${store.where}`,
  );
}
