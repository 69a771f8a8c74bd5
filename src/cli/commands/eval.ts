import { Option } from 'commander';
import { longestPrompt } from '../../eval/ask.ts';
import { type Arm, type Comparison, compareArms } from '../../eval/compare.ts';
import type { Problem } from '../../eval/data.ts';
import { inSeededOrder } from '../../eval/dataset.ts';
import type { Evaluation } from '../../eval/evaluate.ts';
import { ANSWER_RULES, type AnswerRule } from '../../eval/judge.ts';
import { powersUpTo } from '../../eval/pass_at_k.ts';
import { UserError } from '../../gpu/errors.ts';
import type { OpenedModel } from '../../model/language_model.ts';
import { contextLength } from '../../model/model.ts';
import { type Context, defineCommand } from '../command.ts';
import { armsTable, comparisonTable, curveTable, writeComparisonReport } from '../comparison_view.ts';
import { type Asking, type AskingOptions, askingOf, noteOverlap, trainedOn } from '../eval_asking.ts';
import { type ArmPlan, type Measuring, measureArm } from '../eval_run.ts';
import {
  addModelOptions,
  addSteeringOptions,
  type ModelOptions,
  type ReadSteering,
  readSteering,
  type SteeringOptions,
  steeringFile,
} from '../model_options.ts';
import { ascending, integer, number } from '../options.ts';
import { checkWritable } from '../output_files.ts';
import { heldOutOf, noteDuplicates, readHeldOut, readProblems, withoutDuplicates } from '../problem_files.ts';
import { addProfileOption, CommandProfile, type ProfileOptions, profilePlace } from '../profile.ts';
import { showPrompt, warnOfRule } from '../prompt_view.ts';
import { accuracyLine } from '../run_view.ts';
import { askerFor, loadModel, noteUnreadable, openFiles, ownFile, tokenizerOf } from '../setup.ts';

interface Options extends ModelOptions, SteeringOptions, AskingOptions, ProfileOptions {
  data?: string;
  heldOut?: string;
  limit?: number;
  shuffle?: boolean;
  dedupe?: boolean;
  mode: 'greedy' | 'sampled' | 'both';
  numSamples?: number;
  k?: number[];
  temperature: number;
  topK: number;
  topP: number;
  seed: number;
  questionKey?: string;
  answerKey?: string;
  details?: string;
  compare?: boolean;
  baselinePrompt?: string;
  report?: string;
  showPrompt?: boolean;
}

export const command = defineCommand<Options>({
  examples: [
    ['trimtab eval --model models/demo', 'the model alone, on the held-out problems that it brings'],
    [
      'trimtab eval --model models/demo --steering runs/demo/steering.safetensors',
      'with vectors, asked as in their training',
    ],
    [
      'trimtab eval --model models/demo --data examples/problems.jsonl --details rows.jsonl',
      'own problems, a line for each answer; killed and started again it goes on',
    ],
    [
      'trimtab eval --model models/demo --limit 64 --mode sampled --num-samples 16 --k 1,2,4,8,16',
      'pass@k and maj@k from 16 samples a problem',
    ],
    [
      'trimtab eval --model models/demo --steering runs/demo/steering.safetensors --num-samples 16 --compare --report compare.html',
      'model and vectors on the same problems, with tests and both pass@k curves',
    ],
    ['trimtab eval --model models/demo --prompt gsm8k --show-prompt', 'the first prompt, and nothing else'],
  ],
  configure(command) {
    addModelOptions(command).option(
      '--data <files>',
      'problems: JSON lines, CSV or Parquet; several with commas; default: the model’s own held-out problems',
    );
    addSteeringOptions(command)
      .option('--held-out <file>', 'only the problems that a run held out: its held-out.json')
      .option('--limit <n>', 'only the first n problems', integer({ min: 1 }))
      .option('--shuffle', 'put the problems into an order drawn by the seed first')
      .option('--dedupe', 'leave out problems whose question was asked before')
      .option('--question-key <name>', 'column of the question')
      .option('--answer-key <name>', 'column of the answer')
      .option(
        '--prompt <prompt>',
        'qa, user-assistant, chat, gsm8k (5 examples), math (4), a template with {question}, or a prompt file; default: as in training',
      )
      .option('--stop <text...>', 'texts that end a completion; default: as in training')
      .addOption(
        new Option(
          '--answer <rule>',
          'how the answer is found; default: the prompt’s way, as in training, or boxed',
        ).choices(ANSWER_RULES),
      )
      .option('--max-new-tokens <n>', 'longest completion; default: as in training, or 256', integer({ min: 1 }))
      .option('--show-prompt', 'print the first prompt with its tokens, and stop')
      .addOption(
        new Option('--mode <mode>', 'greedy, sampled, or both').choices(['greedy', 'sampled', 'both']).default('both'),
      )
      .option(
        '--num-samples <n>',
        'sampled completions a problem; default: the largest k, or 1',
        integer({ min: 1, max: 65536 }),
      )
      .option('--k <list>', 'pass@k and maj@k for these k; default: the powers of two', ascending({ min: 1 }))
      .option('--temperature <number>', 'of the sampled completions', number({ min: 0.001 }), 1)
      .option('--top-p <number>', 'sample from the likeliest tokens of this mass', number({ min: 0.001, max: 1 }), 1)
      .option('--top-k <n>', 'sample from the n likeliest tokens; 0: from all', integer({ min: 0 }), 0)
      .option('--seed <n>', 'key of the random numbers', integer({ min: 0, max: 0xffffffff }), 0)
      .option('--details <file>', 'write a JSON line for every answer, from which an interrupted evaluation goes on')
      .option('--compare', 'measure the model without the vectors too, and test the difference')
      .option('--baseline-prompt <prompt>', 'with --compare: also the model without vectors, asked by this prompt')
      .option('--report <file>', 'with --compare: a page with the pass@k curves (.html) or the curves alone (.svg)');
    addProfileOption(command, 'profile');
  },
  async run(context, options) {
    const samples = samplesOf(options);
    const data = options.data ?? (options.heldOut ? (await readHeldOut(options.heldOut)).data.join() : undefined);
    const used = data ?? ownFile(options.model, 'problems-test.jsonl');
    if (used === undefined) throw new UserError(`${options.model} brings no problems of its own: give --data FILE.`);
    const problems = await problemsFor(context, options, used);
    noteUnreadable(context, problems);
    if (options.compare && options.steering === undefined && options.baselinePrompt === undefined) {
      throw new UserError(
        '--compare holds vectors against the model without them: give --steering FILE (or --baseline-prompt).',
      );
    }
    if (!options.compare && (options.report ?? options.baselinePrompt)) {
      throw new UserError('--report and --baseline-prompt belong to --compare: give that too.');
    }
    if (options.showPrompt) return showFirst(context, options, problems);
    const opened = await openFiles(options.model);
    const read = await readSteering(context, opened, options);
    if (read) await noteOverlap(context, read, problems);
    const asking = await askingOf(options, opened, read);
    const arms = await armsOf(options, opened, asking, read, problems);
    warnOfRule(context, (arms[0] as ArmPlan).spec, asking.answer);
    context.note(
      `prompt ${asking.prompt ?? 'as the model suggests'}, answer ${asking.answer}, at most ${asking.maxNewTokens} tokens`,
    );
    for (const { prompts } of arms) longestPrompt(prompts, contextLength(opened.source.config));
    for (const file of [...arms.map(({ details }) => details), options.report]) if (file) await checkWritable(file);

    const lm = await loadModel(context, opened, options);
    const how: Measuring = {
      answer: asking.answer as AnswerRule,
      also: asking.also,
      maxNewTokens: asking.maxNewTokens,
      modes: options.mode === 'both' ? ['greedy', 'sampled'] : [options.mode],
      samples,
      ks: options.k,
      temperature: options.temperature,
      topK: options.topK,
      topP: options.topP,
      seed: options.seed,
    };
    const common = {
      model: options.model,
      data: used,
      trained_on: null as string | null,
      n: problems.length,
      prompt: asking.prompt ?? null,
      answer: how.answer,
      max_new_tokens: how.maxNewTokens,
      temperature: how.temperature,
      top_k: how.topK,
      top_p: how.topP,
      seed: how.seed,
      adapter: lm.model.device.caps.adapter,
    };
    const profile = await CommandProfile.start(context, lm.model.device, options, profilePlace(options));
    const measured: { plan: ArmPlan; result: Evaluation; summary: object }[] = [];
    for (const plan of arms) {
      const describe = ({ greedy, sampled }: Evaluation) => ({
        ...common,
        trained_on: plan.steering ? (trainedOn(plan.steering) ?? 'unknown') : null,
        steering: plan.steering?.path ?? null,
        scale: plan.steering?.scale ?? null,
        ...(greedy && { greedy }),
        ...(sampled && { sampled }),
      });
      const run = () => lm.model.device.phase(plan.name, () => measureArm(context, lm, plan, how, describe));
      const result = await (profile ? profile.timed(run) : run());
      context.print(accuracyLine(plan.name, result));
      measured.push({ plan, result, summary: describe(result) });
    }
    const last = measured.find(({ plan }) => plan.steering) ?? measured[0];
    if (!last) return;
    const named: Arm[] = measured.map(({ plan, result }) => ({ name: plan.name, rows: result.rows }));
    const shown = measured.map(({ plan, result }) => ({ name: plan.name, ...result }));
    context.print(`\n${armsTable(shown)}`);
    if (samples > 1) context.print(`\n${curveTable(shown)}`);
    const comparisons = compareAll(named, options.k ?? powersUpTo(samples));
    if (comparisons.length > 0) context.print(`\n${comparisonTable(comparisons)}`);
    if (options.report) {
      await writeComparisonReport(options.report, {
        title: `${options.model} on ${used}`,
        arms: shown,
        comparisons,
      });
      context.print(`\n${options.report} has the curves.`);
    }
    const profiled = await profile?.finish();
    context.printJson({
      ...last.summary,
      ...(profiled && { profile: profiled }),
      ...(options.compare && {
        arms: measured.map(({ plan, summary }) => ({ name: plan.name, ...summary })),
        comparisons,
      }),
    });
  },
});

/** `--show-prompt`: of a model of the Hub only the tokenizer is needed. */
async function showFirst(context: Context, options: Options, problems: readonly Problem[]): Promise<void> {
  const { steering: path } = options;
  const tokenizer = await tokenizerOf(options.model);
  const read = path === undefined ? undefined : { file: await steeringFile(path), path };
  if (read) await noteOverlap(context, read, problems);
  const asking = await askingOf(options, { tokenizer }, read);
  const { encode, stop, spec } = await askerFor(asking, { tokenizer });
  warnOfRule(context, spec, asking.answer);
  const [first] = problems.slice(0, 1).map(encode);
  showPrompt(context, first?.text ?? '', first?.ids ?? [], { stop, answer: asking.answer });
}

/** The first arm against each of the others. */
function compareAll([first, ...others]: readonly Arm[], ks: readonly number[]): Comparison[] {
  return first ? others.map((other) => compareArms(first, other, ks)) : [];
}

function samplesOf({ k, numSamples, mode }: Options): number {
  const largest = Math.max(1, ...(k ?? []));
  if (k && mode === 'greedy') throw new UserError('--k reads pass@k from sampled completions: --mode greedy has none.');
  if (numSamples !== undefined && numSamples < largest) {
    throw new UserError(
      `--k ${largest} needs at least ${largest} samples a problem, and --num-samples is ${numSamples}. Raise it, or leave it out.`,
    );
  }
  return numSamples ?? largest;
}

async function problemsFor(context: Context, options: Options, data: string): Promise<Problem[]> {
  const all = await readProblems(data, options);
  const { heldOut } = options;
  const chosen = heldOut === undefined ? all : heldOutOf(all, await readHeldOut(heldOut), heldOut);
  if (!options.dedupe) noteDuplicates(context, chosen, data);
  const kept = options.dedupe ? withoutDuplicates(context, chosen, data) : chosen;
  return (options.shuffle ? inSeededOrder(kept, options.seed) : kept).slice(0, options.limit);
}

/** What is measured: the model without vectors where it is compared, as asked by another prompt too, and the one with vectors. */
async function armsOf(
  options: Options,
  opened: OpenedModel,
  asking: Asking,
  read: ReadSteering | undefined,
  problems: readonly Problem[],
): Promise<ArmPlan[]> {
  const own = await askerFor(asking, opened);
  const several = options.compare === true;
  const detailsOf = (name: string) => {
    if (options.details === undefined || !several) return options.details;
    return `${options.details.replace(/\.jsonl$/, '')}-${name}.jsonl`;
  };
  const arm = (name: string, asker: typeof own, steering: ReadSteering | undefined): ArmPlan => ({
    name,
    spec: asker.spec,
    stop: asker.stop,
    prompts: problems.map(asker.encode),
    steering,
    details: detailsOf(name),
  });
  const arms: ArmPlan[] = [];
  if (several || !read) arms.push(arm('base', own, undefined));
  if (options.baselinePrompt !== undefined) {
    arms.push(arm('prompted', await askerFor({ prompt: options.baselinePrompt }, opened), undefined));
  }
  if (read) arms.push(arm('steered', own, read));
  return arms;
}
