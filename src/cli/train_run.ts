import { now } from '#platform';
import { longestPrompt } from '../eval/ask.ts';
import { UserError } from '../gpu/errors.ts';
import { contextLength, weightBytes } from '../model/model.ts';
import { type Checkpoint, checkResumable, loadCheckpoint } from '../train/checkpoint.ts';
import type { TrainConfig } from '../train/config.ts';
import { type ExperimentResult, runExperiment } from '../train/experiment.ts';
import { planMemory } from '../train/memory_plan.ts';
import { type RunStore, refuseUsedFolder } from '../train/rundir.ts';
import { withSteps } from '../train/schedule.ts';
import { trainedLayers } from '../train/trainer.ts';
import type { Context } from './command.ts';
import { dryRun } from './dry_run.ts';
import { folderStore } from './folder_store.ts';
import { memoryLine } from './plan_view.ts';
import { lockRun } from './run_lock.ts';
import { configFrom, freeFolder } from './run_options.ts';
import { problemsFor, type RunProblems } from './run_problems.ts';
import { runView } from './run_view.ts';
import { type Asker, askerFor, loadModel, noteUnreadable, openFiles, rewardFor } from './setup.ts';
import { showPrompt } from './show_prompt.ts';

export interface FinishedRun extends ExperimentResult {
  readonly where: string;
  readonly config: TrainConfig;
}

/**
 * Runs or resumes one experiment from the command line; its results are on disk when this returns. What can be wrong is
 * looked at from the cheapest to the dearest, so that nothing long is begun in vain.
 *
 * @param options the fields of the configuration, `resume` (a run folder) and `dryRun`
 * @returns undefined after a dry run, which prints the plan, and after --show-prompt
 */
export async function trainRun(
  context: Context,
  options: Readonly<Record<string, unknown>>,
  file?: string,
): Promise<FinishedRun | undefined> {
  const resumeFrom = options.resume as string | undefined;
  if (resumeFrom !== undefined && file !== undefined) {
    throw new UserError(
      `--resume goes on with the configuration of ${resumeFrom}: leave ${file} out, and give what is to differ as options.`,
    );
  }
  const resumed = resumeFrom === undefined ? undefined : await folderStore(resumeFrom, { mustExist: true });
  const checkpoint = resumed && (await loadCheckpoint(resumed));
  const given = await configFrom(file, options, checkpoint?.config);
  const { model } = given;
  if (model === undefined)
    throw new UserError(
      'No model was named. Give --model FOLDER or --model FILE.gguf, or `model:` in the configuration.',
    );
  const { heldOut, ...problems } = await problemsFor(context, given, model);
  noteUnreadable(context, [...problems.trainProblems, ...problems.testProblems]);
  const config = withSteps(given, problems.trainProblems.length);
  const { reward, rewardName } = await rewardFor(config);

  const opened = await openFiles(model);
  const { encode, stop } = await askerFor(config, opened);
  if (options.showPrompt) {
    await opened.source.close();
    const [first] = problems.trainProblems.map(encode);
    showPrompt(context, first?.text ?? '', first?.ids ?? [], { stop, answer: config.answer });
    return undefined;
  }
  if (checkpoint) checkResumable(checkpoint, config, opened.source.identity, resumeFrom as string);
  trainedLayers(config.layers, opened.source.config.num_hidden_layers);
  const longest = longestOf(problems, encode, contextLength(opened.source.config));
  const device = await context.openDevice(
    config.memory_budget === undefined ? {} : { memoryBudget: config.memory_budget },
  );
  const size = { config: opened.source.config, weightBytes: weightBytes(opened.source, { dtype: config.dtype }) };
  const plan = planMemory(size, config, longest, device.caps.maxBinding);
  if (options.dryRun) {
    const measure = options.calibrate !== false;
    await dryRun(context, { config, plan, opened, device, ...problems, encode, measure });
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
  if (heldOut) await store.writeAtomic('held-out.json', `${JSON.stringify(heldOut)}\n`);
  const lm = await loadModel(context, opened, { dtype: config.dtype, device });
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
      ...problems,
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

/** Tokens of the longest prompt. @throws UserError for one that the context does not hold */
function longestOf(
  { trainProblems, testProblems }: Omit<RunProblems, 'heldOut'>,
  encode: Asker['encode'],
  context: number,
): number {
  return longestPrompt([...trainProblems, ...testProblems].map(encode), context);
}

/** After a run that ended early, for whatever reason: what is on disk, and the command that continues it. */
async function sayHowToGoOn(context: Context, store: RunStore, config: TrainConfig): Promise<void> {
  const saved: Checkpoint | undefined = await loadCheckpoint(store).catch(() => undefined);
  if (!saved) return;
  context.note(
    `${saved.step} of ${config.max_steps} steps are saved in ${store.where}. Go on with: trimtab train --resume ${store.where}`,
  );
}
