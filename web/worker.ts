import { createGPU, now, openFolder, readFile } from '#platform';
import { asker } from '../src/eval/ask.ts';
import { parseProblems } from '../src/eval/data.ts';
import { resolvePrompt } from '../src/eval/prompts.ts';
import { builtinReward } from '../src/eval/rewards.ts';
import { openDevice } from '../src/gpu/device.ts';
import { UserError } from '../src/gpu/errors.ts';
import { type LanguageModel, openLanguageModel } from '../src/model/language_model.ts';
import { parseTrainConfig, type TrainConfig } from '../src/train/config.ts';
import { runExperiment } from '../src/train/experiment.ts';
import type { Sample } from '../src/train/methods/method.ts';
import { isRollout } from '../src/train/metrics.ts';
import { memoryStore, RUN_FILES, type RunStore } from '../src/train/rundir.ts';
import type { AnsweredProblem, Download, FromWorker, Settings, ToWorker } from './messages.ts';

const MODEL = 'models/demo';

const TYPES: Readonly<Record<string, string>> = {
  [RUN_FILES.steering]: 'application/octet-stream',
  [RUN_FILES.metrics]: 'application/jsonl',
  [RUN_FILES.report]: 'text/html',
};

const model = openModel();
let run: AbortController | undefined;
/** Set when the GPU went away: what fails after that fails because of it. */
let lost: string | undefined;

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'stop') run?.abort();
  else void start(data.settings);
});

model.then(
  ({ model: { device, config } }) => {
    const { adapter, isSoftware } = device.caps;
    send({ type: 'ready', adapter, isSoftware, layers: config.num_hidden_layers, hiddenSize: config.hidden_size });
    void device.gpu.lost.then(({ message }) => {
      lost = message || 'no reason was given';
    });
  },
  (error: unknown) => send({ type: 'failed', during: 'setup', message: inWords(error), files: [] }),
);

function send(message: FromWorker): void {
  postMessage(message);
}

async function openModel(): Promise<LanguageModel> {
  const gpu = await createGPU();
  if (!(await gpu.requestAdapter())) {
    throw new UserError(
      'This browser knows WebGPU, but has no adapter to run it on. On Linux start Chrome with --enable-unsafe-webgpu ' +
        '--enable-features=Vulkan; elsewhere switch on "Use graphics acceleration when available" in its settings. ' +
        'chrome://gpu says what it found.',
    );
  }
  return openLanguageModel(await openDevice(gpu), await openFolder(MODEL));
}

async function start(settings: Settings): Promise<void> {
  const lm = await model.catch(() => undefined);
  if (!lm) return;
  const store = memoryStore('this page');
  const controller = new AbortController();
  run = controller;
  try {
    const config = await configFor(settings);
    const spec = resolvePrompt(config.prompt, lm.tokenizer.hasChatTemplate);
    const reward = builtinReward(config.reward, config.answer, config.seed);
    if (!reward) throw new UserError(`reward ${config.reward}: the page has correct, random and format.`);
    const { summary, lens, examples } = await runExperiment({
      lm,
      config,
      store,
      encode: asker(lm, spec),
      stop: config.stop ?? spec.stop,
      reward,
      rewardName: config.reward,
      trainProblems: await problems('problems-train.jsonl'),
      testProblems: (await problems('problems-test.jsonl')).slice(0, settings.evalSize),
      resume: false,
      now,
      signal: controller.signal,
      on: {
        stage: (stage) => send({ type: 'stage', stage }),
        evaluation: (_, finished, total, tokens) => send({ type: 'progress', finished, total, tokens }),
        evaluated: (which, { greedy, sampled }) =>
          which !== 'prompted' &&
          send({ type: 'evaluated', which, result: { ...(greedy && { greedy }), ...(sampled && { sampled }) } }),
        rollout: (tokens, finished, total) => send({ type: 'progress', finished, total, tokens }),
        step: (row, samples) => {
          if (isRollout(row)) {
            send({ type: 'step', row, problem: firstProblem(samples.slice(0, config.num_generations)) });
          }
        },
      },
    });
    send({ type: 'finished', seconds: summary.seconds ?? 0, lens, examples, files: await downloads(store) });
  } catch (error) {
    const files = await downloads(store);
    if (controller.signal.aborted && lost === undefined) send({ type: 'stopped', files });
    else send({ type: 'failed', during: 'run', message: inWords(error), files });
  }
}

/** The model's own configuration with the page's settings in it. */
async function configFor(settings: Settings): Promise<TrainConfig> {
  const file = `${MODEL}/train.yaml`;
  const own = parseTrainConfig(await text(file), file);
  const chosen = {
    reward: settings.reward,
    max_steps: settings.steps,
    num_prompts: settings.promptsPerStep,
    seed: settings.seed,
  };
  return parseTrainConfig({ ...own, ...chosen, model: MODEL, save_steps: 0 }, 'the settings');
}

async function problems(name: string) {
  const file = `${MODEL}/${name}`;
  return parseProblems(await text(file), file);
}

async function text(path: string): Promise<string> {
  return new TextDecoder().decode(await readFile(path));
}

function firstProblem(samples: readonly Sample[]): AnsweredProblem {
  const problem = samples[0]?.prompt.problem;
  return {
    question: problem?.question ?? '',
    gold: problem?.answer ?? '',
    answers: samples.map(({ text, correct, reward, completion }) => ({
      text,
      correct,
      reward,
      tokens: completion.ids.length,
    })),
  };
}

/** What a run has left so far; nothing before its first step. */
async function downloads(store: RunStore): Promise<Download[]> {
  if (!(await store.read(RUN_FILES.metrics))) return [];
  const files = await Promise.all(
    Object.entries(TYPES).map(async ([name, type]) => {
      const bytes = await store.read(name);
      return bytes && { name, blob: new Blob([bytes as Uint8Array<ArrayBuffer>], { type }) };
    }),
  );
  return files.filter((file) => file !== undefined);
}

function inWords(error: unknown): string {
  if (lost !== undefined) {
    return `The GPU went away (${lost}). Start again; with fewer problems a step it has less to do at a time.`;
  }
  if (error instanceof UserError) return error.message;
  return `Something broke that should not have: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
}
