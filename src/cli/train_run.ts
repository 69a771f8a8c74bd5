import { now } from '#platform';
import { longestPrompt } from '../eval/ask.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { sameTuning } from '../gpu/tuning.ts';
import type { ProfileReport } from '../kernels/profile_report.ts';
import type { LanguageModel } from '../model/language_model.ts';
import { contextLength, weightBytes } from '../model/model.ts';
import { type Checkpoint, checkResumable, loadCheckpoint, pinnedTuning } from '../train/checkpoint.ts';
import type { TrainConfig } from '../train/config.ts';
import { type ExperimentResult, runExperiment } from '../train/experiment.ts';
import { layerRates, trainedLayers } from '../train/layers.ts';
import { planMemory } from '../train/memory_plan.ts';
import { type RunStore, refuseUsedFolder } from '../train/rundir.ts';
import { withSteps } from '../train/schedule.ts';
import type { Context } from './command.ts';
import { dryRun } from './dry_run.ts';
import { dataFor, examplesOf } from './examples.ts';
import { folderStore } from './folder_store.ts';
import { memoryLine } from './plan_view.ts';
import { CommandProfile, defaultWindow, type ProfileOptions, profilePlace } from './profile.ts';
import { showPrompt, warnOfRule } from './prompt_view.ts';
import { lockRun } from './run_lock.ts';
import { configFrom, freeFolder } from './run_options.ts';
import { runView } from './run_view.ts';
import { askerFor, loadModel, openFiles, rewardFor, tokenizerOf } from './setup.ts';
import type { Asked } from './try_them.ts';

interface FinishedRun extends ExperimentResult {
  readonly where: string;
  readonly config: TrainConfig;
  /** The first problem that it was trained on. */
  readonly asked: Asked;
  readonly profile?: ProfileReport;
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
 * @returns undefined after a dry run, which prints the plan, and after --show-prompt
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
  const given = await configFrom(file, options, checkpoint?.config);
  const { model } = given;
  if (model === undefined)
    throw new UserError(
      'No model was named. Give --model FOLDER, --model FILE.gguf or --model OWNER/NAME of the Hub, or `model:` in the configuration.',
    );
  const { heldOut, rows, testProblems, ...data } = await dataFor(context, given, model);
  const config = withSteps(given, rows?.length ?? data.trainProblems.length);
  const { reward, rewardName, rewardSource } = await rewardFor(config);

  if (options.showPrompt && !rows) {
    const { encode, stop, spec } = await askerFor(config, { tokenizer: await tokenizerOf(model) });
    warnOfRule(context, spec, config.answer);
    const [first] = data.trainProblems.slice(0, 1).map(encode);
    showPrompt(context, first?.text ?? '', first?.ids ?? [], { stop, answer: config.answer });
    return undefined;
  }
  const opened = await openFiles(model);
  const asker = await askerFor(config, opened);
  const { encode, stop, spec } = asker;
  warnOfRule(context, spec, config.answer);
  const { baseline_prompt: baseline } = config;
  const prompted = baseline === undefined ? undefined : await askerFor({ prompt: baseline }, opened);
  const examples = rows && examplesOf(rows, config, opened, asker);
  const trainProblems = examples?.map(({ prompt }) => prompt.problem) ?? data.trainProblems;
  const trainPrompts = examples?.map(({ prompt }) => prompt) ?? trainProblems.map(encode);
  if (options.showPrompt) {
    await opened.source.close();
    showPrompt(context, trainPrompts[0]?.text ?? '', trainPrompts[0]?.ids ?? [], { stop, answer: config.answer });
    return undefined;
  }
  if (checkpoint && config.max_steps < checkpoint.step) {
    throw new UserError(
      `${resumeFrom} has taken ${checkpoint.step} steps already: --steps ${config.max_steps} is fewer. Give more, or start a new run with --out.`,
    );
  }
  if (checkpoint) checkResumable(checkpoint, config, opened.source.identity, resumeFrom as string);
  trainedLayers(config.layers, opened.source.config.num_hidden_layers);
  layerRates(config, opened.source.config.num_hidden_layers);
  const longest = longestPrompt(
    [
      ...trainPrompts,
      ...testProblems.flatMap((problem) => [encode(problem), ...(prompted ? [prompted.encode(problem)] : [])]),
    ],
    contextLength(opened.source.config),
  );
  const room = contextLength(opened.source.config) - longest;
  if (config.max_completion_length > room) {
    context.warn(
      `max_completion_length is ${config.max_completion_length}, and the context leaves ${room} tokens after the longest prompt: answers end there.`,
    );
  }
  const device =
    shared.lm?.model.device ??
    (await context.openDevice(config.memory_budget === undefined ? {} : { memoryBudget: config.memory_budget }));
  if (checkpoint) goOnTuned(context, device, checkpoint, resumeFrom as string);
  const size = { config: opened.source.config, weightBytes: weightBytes(opened.source, { dtype: config.dtype }) };
  const plan = planMemory(size, config, longest, device);
  if (options.dryRun) {
    const measure = options.calibrate !== false;
    await dryRun(context, { config, plan, opened, device, trainPrompts, testProblems, measure });
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
  // What was decided so far was decided by the checkpoint as it was before the lock.
  else if ((await loadCheckpoint(store)).seconds !== checkpoint.seconds) {
    throw new UserError(`Another process has gone on with ${where} while this one began. Resume it once more.`);
  }
  if (heldOut) await store.writeAtomic('held-out.json', `${JSON.stringify(heldOut)}\n`);
  if (checkpoint?.step === config.max_steps) {
    context.note(
      `All ${checkpoint.step} steps are done: only what is missing after them is made. --steps N goes on for longer.`,
    );
  }
  if (!resumed && config.output_dir === undefined) context.note(`run folder: ${where} (--out names another)`);
  if (shared.lm) await opened.source.close();
  const lm =
    shared.lm ??
    (await loadModel(context, opened, { dtype: config.dtype, kvCacheDtype: config.kv_cache_dtype, device }));
  shared.lm = lm;
  context.note(memoryLine(plan));
  const { signal } = context;
  const from = checkpoint?.step ?? 0;
  const wanted = options as ProfileOptions;
  const window = wanted.profileSteps ?? defaultWindow(from, config.max_steps);
  const profile = await CommandProfile.start(context, device, wanted, profilePlace(wanted, where), window);
  const view = runView(context, { from, to: config.max_steps });
  try {
    const result = await runExperiment({
      lm,
      config,
      store,
      encode,
      stop,
      reward,
      rewardName,
      rewardSource,
      trainProblems,
      testProblems,
      examples,
      prompted,
      resume: checkpoint !== undefined,
      now,
      signal,
      on: view.events,
      profile,
    });
    const profiled = await profile?.finish();
    const asked = { text: trainPrompts[0]?.text ?? '', raw: opened.tokenizer.hasChatTemplate };
    return { ...result, where, config, asked, ...(profiled && { profile: profiled }) };
  } catch (error) {
    view.end();
    // What a user has to mend first is said by the error alone.
    if (!(error instanceof UserError) || !resumed) await sayHowToGoOn(context, store, config);
    throw error;
  } finally {
    view.end();
    unlock();
  }
}

/** A run goes on with the variants that it began with: another tuning that was asked for is refused, one of the cache left aside. */
function goOnTuned(context: Context, device: Device, checkpoint: Checkpoint, where: string): void {
  const pinned = pinnedTuning(checkpoint, device.caps, where);
  if (sameTuning(pinned, device.tuning)) return;
  const { tuning = 'auto' } = context.gpuOptions;
  if (tuning !== 'auto') {
    throw new UserError(
      `${where} goes on with the kernels that its checkpoint names, and --tuning ${tuning} asks for others. Leave it out, or start a new run with --out.`,
    );
  }
  context.note(`${where} goes on with the kernels that its checkpoint names, not with those measured since.`);
}

/** After a run that ended early, for whatever reason: what is on disk, and the command that continues it. */
async function sayHowToGoOn(context: Context, store: RunStore, config: TrainConfig): Promise<void> {
  const saved: Checkpoint | undefined = await loadCheckpoint(store).catch(() => undefined);
  if (!saved || saved.step === 0) {
    // Nothing is logged yet, so that the folder does not refuse another try.
    if (context.signal.aborted) context.note(`No step was finished in ${store.where}: run the same command again.`);
    return;
  }
  context.note(
    `${saved.step} of ${config.max_steps} steps are saved in ${store.where}. Go on with: npx trimtab train --resume ${store.where}`,
  );
}
