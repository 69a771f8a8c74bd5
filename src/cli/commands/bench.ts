import { appendFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EndToEnd, MeasuredTraining, OnTurn, ProfileRun } from '../../../bench/end_to_end.ts';
import { disturbance, environmentOf, type UsedTuning } from '../../../bench/environment.ts';
import { SHAPES } from '../../../bench/families.ts';
import { FAILED, type Row } from '../../../bench/row.ts';
import { rowsTable } from '../../../bench/rows_table.ts';
import { type BenchOptions, runBench } from '../../../bench/run.ts';
import { parseSweeps, SWEEP_NAMES, type SweepRequest } from '../../../bench/sweep.ts';
import { sweepPage } from '../../../bench/sweep_page.ts';
import type { Device } from '../../gpu/device.ts';
import { UserError } from '../../gpu/errors.ts';
import { tuningName, UNTUNED } from '../../gpu/tuning.ts';
import { identityOf } from '../../kernels/tune.ts';
import { parseTrainConfig } from '../../train/config.ts';
import { type Context, defineCommand } from '../command.ts';
import { integer } from '../options.ts';
import { checkWritable, writeOutput } from '../output_files.ts';
import { packageRoot } from '../package_root.ts';
import { readProblems } from '../problem_files.ts';
import { addProfileOption, CommandProfile, type ProfileOptions, profilePlace } from '../profile.ts';
import { Progress } from '../progress.ts';
import { askerFor, openModel, readText } from '../setup.ts';

interface Options extends ProfileOptions {
  only?: string;
  shapes: string;
  peers: boolean;
  compared?: boolean;
  all?: boolean;
  model?: string;
  onnx?: string;
  prompts?: number;
  completions?: number;
  promptTokens: number;
  newTokens?: number;
  rounds: number;
  dumpTraining?: string;
  sweep?: SweepRequest[];
  page?: string;
  out?: string;
}

/** Where sweeps are shown when no file is named. */
const PAGE = 'bench-sweep.html';

export const command = defineCommand<Options>({
  examples: [
    ['trimtab bench', 'everything: ten minutes and more on two CPU cores'],
    ['trimtab bench --only matmul --shapes demo', 'one comparison with jax-js and tfjs'],
    ['trimtab bench --only training_pass --profile', 'which kernels a training pass spends its time in'],
    [
      'trimtab bench --model model.gguf --only training_pass --prompts 2 --completions 4 --new-tokens 12',
      'on a model of yours',
    ],
    ['trimtab bench --sweep all', 'cost against tokens, batch, completions, context, layers: bench-sweep.html'],
    [
      'trimtab bench --sweep tokens,batch=1,8,64 --page sweep.html --out rows.jsonl',
      'two of them, one at values of yours',
    ],
    ['trimtab bench --only linear,attention --shapes 135m --no-peers --json --out rows.jsonl', 'a JSON object a row'],
  ],
  configure(command) {
    command
      .option(
        '--only <names>',
        'kernels, families of them, comparisons (matmul, softmax, …) or end-to-end rows (decode, …)',
      )
      .option('--shapes <names>', 'models whose shapes are measured', Object.keys(SHAPES).join())
      .option('--no-peers', 'leave out the peers')
      .option('--compared', 'only what is compared with peers, not the kernels by themselves')
      .option('--all', 'also what takes seconds on a software adapter')
      .option(
        '--model <path>',
        'a folder, GGUF file or model of the Hub for the rows that --only names; else its prefill and decode, beside llama.cpp (GGUF) and the --onnx exports of it',
      )
      .option(
        '--prompts <n>',
        "prompts of a rollout and its training pass (the demonstration's: 8)",
        integer({ min: 1 }),
      )
      .option('--completions <n>', "completions of each (the demonstration's: 8)", integer({ min: 1 }))
      .option('--onnx <folders>', 'exports of the model for transformers.js, FOLDER or FOLDER:dtype')
      .option(
        '--prompt-tokens <n>',
        'length of the prompt before prefill and decode',
        integer({ min: 1, max: 1024 }),
        64,
      )
      .option(
        '--new-tokens <n>',
        "tokens decoded after it (16), and a completion's at most (the demonstration's: 72)",
        integer({ min: 2, max: 1024 }),
      )
      .option(
        '--sweep <names>',
        `cost over a range of values: ${SWEEP_NAMES.join(', ')} or all; with values of yours: batch=1,8,64`,
        parseSweeps,
      )
      .option('--page <file>', `the sweeps as a page with plots (default: ${PAGE})`)
      .option('--rounds <n>', 'turns of each', integer({ min: 1 }), 5)
      .option(
        '--dump-training <file>',
        'what the training pass was given and its gradient, for bench/peers/torch_training.py',
      )
      .option('--out <file>', 'write the rows to this file too, as JSON lines');
    addProfileOption(command, 'profile, a folder for each end-to-end row');
  },
  async run(context, options) {
    const models = list(options.shapes).map((name) => {
      const model = SHAPES[name.toLowerCase()];
      if (!model)
        throw new UserError(`--shapes names ${JSON.stringify(name)}; there are ${Object.keys(SHAPES).join(', ')}.`);
      return model;
    });
    const toggles = context.gpuOptions.toggles ?? [];
    const dump = options.dumpTraining;
    if (options.page !== undefined && !options.sweep)
      throw new UserError('--page shows sweeps: say which with --sweep NAMES.');
    const page = options.page ?? PAGE;
    if (options.sweep) await checkWritable(page);
    for (const file of [options.out, dump]) if (file !== undefined) await writeOutput(file, '');
    const device = await context.openDevice();
    context.print(`${device.caps.adapter}${toggles.length > 0 ? ` with ${toggles.join(', ')}` : ''}`);
    const environment = environmentOf(device.caps.adapter, toggles, await tuningOf(context, device), packageRoot());
    const disturbed = disturbance(environment);
    if (disturbed !== undefined) context.note(`warning: ${disturbed}`);
    context.printJson(environment);
    if (options.out) appendFileSync(options.out, `${JSON.stringify(environment)}\n`);
    const rows: Row[] = [];
    const progress = new Turns();
    const view = sections(context, progress);
    let opened: EndToEnd | undefined;
    try {
      await runBench(device, {
        only: options.only === undefined ? undefined : list(options.only),
        models,
        peers: options.peers,
        peersFolder: `${packageRoot()}/bench/peers`,
        compared: options.compared === true,
        all: options.all === true,
        profile: options.profile === undefined ? undefined : profileRun(context, device, options, view.end),
        toggles,
        generation: options.model === undefined ? undefined : generation(context, options, options.model),
        endToEnd: async () => {
          opened ??= await endToEnd(context, device, options);
          const onTraining = (data: MeasuredTraining) => writeFileSync(dump as string, JSON.stringify(data));
          return { ...opened, onTraining: dump === undefined ? undefined : onTraining, onTurn: progress.turn };
        },
        sweep: options.sweep && { requests: options.sweep, rounds: options.rounds },
        section: view.section,
        emit(row) {
          rows.push(row);
          view.add(row);
          progress.above(() => context.printJson(row));
          if (options.out) appendFileSync(options.out, `${JSON.stringify(row)}\n`);
        },
        note: (line) => progress.above(() => context.note(line)),
        onTurn: progress.turn,
      });
    } finally {
      view.end();
      // What was measured before a failure is shown too.
      if (opened && rows.some((row) => row.line !== undefined)) {
        await writeOutput(page, sweepPage({ environment, model: opened.lm.name, rows }));
        context.print(`\n${page} shows the sweeps as plots.`);
      }
    }
    return rows.some((row) => row.impl === 'trimtab' && row.skipped?.startsWith(FAILED)) ? 1 : 0;
  },
});

/** What the device was tuned with, by the name of the file in the cache or the path that was given. */
async function tuningOf({ gpuOptions }: Context, device: Device): Promise<UsedTuning | null> {
  if (device.tuning === UNTUNED) return null;
  const named = gpuOptions.tuning === 'auto' ? undefined : gpuOptions.tuning;
  return { file: named ?? (await tuningName(identityOf(device))), ...device.tuning };
}

/** A table and a folder with the trace for every end-to-end row; `before` shows the rows so far. */
function profileRun(context: Context, device: Device, options: ProfileOptions, before: () => void): ProfileRun {
  return async (name, run) => {
    before();
    const profile = (await CommandProfile.start(
      context,
      device,
      options,
      join(profilePlace(options), name),
    )) as CommandProfile;
    context.print(`\nProfile of ${name}`);
    await profile.timed(() => device.phase(name, async () => void (await run())));
    context.printJson({ name, profile: await profile.finish() });
  };
}

/** Progress of the part that is being measured, with the time left by the latest rate. */
class Turns {
  #part: string | undefined;
  #progress: Progress | undefined;

  readonly turn: OnTurn = (part, done, total, what): void => {
    if (part !== this.#part) {
      this.end();
      this.#part = part;
      this.#progress = new Progress({ label: part, total });
    }
    this.#progress?.update(done, { total, ...(what !== undefined && { text: what }) });
  };

  /** Lets another write whole lines meanwhile. */
  above(write: () => void): void {
    if (this.#progress) this.#progress.above(write);
    else write();
  }

  end(): void {
    this.#progress?.finish();
    this.#progress = undefined;
    this.#part = undefined;
  }
}

/** Shows every section as a table when it is complete. */
function sections(
  context: Context,
  progress: Turns,
): { section(title: string): void; add(row: Row): void; end(): void } {
  let title = '';
  let rows: Row[] = [];
  const end = () => {
    progress.end();
    if (rows.length > 0) context.print(`\n${title}\n${rowsTable(rows)}`);
    rows = [];
  };
  return {
    section(next) {
      end();
      title = next;
    },
    add: (row) => rows.push(row),
    end,
  };
}

/** What of the command line says how a model is timed beside the peers. */
function generation(context: Context, options: Options, model: string): BenchOptions['generation'] {
  return {
    options: {
      model: resolve(model),
      onnx: list(options.onnx ?? '').map((folder) => resolve(folder)),
      peers: options.peers,
      peersFolder: `${packageRoot()}/bench/peers`,
      checked: !context.gpuOptions.toggles?.includes('disable_robustness'),
      promptTokens: options.promptTokens,
      newTokens: options.newTokens ?? 16,
      rounds: options.rounds,
    },
  };
}

/** The embedded model, or the one that is named, with the problems and settings that the first is demonstrated with. */
async function endToEnd(context: Context, device: Device, options: Options): Promise<EndToEnd> {
  const folder = `${packageRoot()}/models/demo`;
  const settings = `${folder}/train.yaml`;
  const given = parseTrainConfig(await readText(settings), settings);
  const config = {
    ...given,
    num_prompts: options.prompts ?? given.num_prompts,
    num_generations: options.completions ?? given.num_generations,
    max_completion_length: options.newTokens ?? given.max_completion_length,
  };
  const problems = await readProblems(`${folder}/problems-train.jsonl`);
  const lm = await openModel(context, device, options.model ?? folder);
  return { lm, config, problems, ...(await askerFor(config, lm)) };
}

function list(names: string): string[] {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
