import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { parse } from 'yaml';
import { longestPrompt } from '../../eval/ask.ts';
import { type Evaluation, evaluate } from '../../eval/evaluate.ts';
import { ANSWER_KINDS, type AnswerKind } from '../../eval/grade/extract.ts';
import { UserError } from '../../gpu/errors.ts';
import { contextLength } from '../../model/model.ts';
import { uploadSteering } from '../../model/steering.ts';
import { parseTrainConfig, type TrainConfig } from '../../train/config.ts';
import { type Context, defineCommand } from '../command.ts';
import {
  addModelOptions,
  addSteeringOptions,
  type ModelOptions,
  type ReadSteering,
  readSteering,
  type SteeringOptions,
} from '../model_options.ts';
import { integer, number } from '../options.ts';
import { Progress } from '../progress.ts';
import { accuracyLine } from '../run_view.ts';
import {
  askerFor,
  checkWritable,
  loadModel,
  noteUnreadable,
  openFiles,
  ownFile,
  readProblems,
  readText,
} from '../setup.ts';

/** How problems are put and judged; where an option is missing, as in training. */
interface Asking {
  prompt?: string | undefined;
  stop?: string[] | undefined;
  answer?: AnswerKind | undefined;
  maxNewTokens?: number | undefined;
}

interface Options extends ModelOptions, SteeringOptions, Asking {
  data?: string;
  limit?: number;
  temperature: number;
  seed: number;
  questionKey?: string;
  answerKey?: string;
  details?: string;
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
      'own problems, a line for each answer',
    ],
  ],
  configure(command) {
    addModelOptions(command).option(
      '--data <file>',
      'problems, JSON lines; default: the model’s own held-out problems',
    );
    addSteeringOptions(command)
      .option(
        '--prompt <prompt>',
        'qa, user-assistant, chat, a template with {question}, or a prompt file; default: as in training',
      )
      .option('--stop <text...>', 'texts that end a completion; default: as in training')
      .addOption(
        new Option('--answer <kind>', 'where the answer is; default: as in training, or boxed').choices(ANSWER_KINDS),
      )
      .option('--limit <n>', 'only the first n problems', integer({ min: 1 }))
      .option('--max-new-tokens <n>', 'longest completion; default: as in training, or 256', integer({ min: 1 }))
      .option('--temperature <number>', 'of the sampled completions', number({ min: 0.001 }), 1)
      .option('--seed <n>', 'key of the random numbers', integer({ min: 0, max: 0xffffffff }), 0)
      .option('--question-key <name>', 'column of the question')
      .option('--answer-key <name>', 'column of the answer')
      .option('--details <file>', 'write a JSON line for every answer');
  },
  async run(context, options) {
    const data = options.data ?? ownFile(options.model, 'problems-test.jsonl');
    if (data === undefined) throw new UserError(`${options.model} brings no problems of its own: give --data FILE.`);
    const problems = (await readProblems(data, options)).slice(0, options.limit);
    noteUnreadable(context, problems);
    if (options.details) await checkWritable(options.details);
    const opened = await openFiles(options.model);
    const read = await readSteering(context, opened, options);
    const asking = await askingOf(context, options, read);
    const { encode, stop } = await askerFor(asking, opened);
    const prompts = problems.map(encode);
    longestPrompt(prompts, contextLength(opened.source.config));

    const lm = await loadModel(context, opened, options);
    const { device, config } = lm.model;
    const progress = new Progress({ label: 'eval', total: 2 * problems.length });
    const result: Evaluation = await evaluate(lm, prompts, {
      answer: asking.answer,
      maxNewTokens: asking.maxNewTokens,
      seed: options.seed,
      temperature: options.temperature,
      steering: read && uploadSteering(device, config, read.file, read.scale, read.path),
      stop,
      signal: context.signal,
      onProgress: (finished, _total, tokens) => progress.update(finished, { text: `${tokens} tokens` }),
    }).finally(() => progress.finish());
    if (options.details)
      await writeFile(options.details, result.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    context.print(accuracyLine(read ? 'steered' : 'base', result));
    const { greedy, sampled } = result;
    context.printJson({
      model: options.model,
      data,
      steering: options.steering ?? null,
      scale: read?.scale ?? null,
      greedy,
      sampled,
    });
  },
});

/**
 * Vectors are measured as they were trained unless options say otherwise: another prompt or another reading of the answer
 * would measure something else. Without vectors the model's own train.yaml says how its own problems are put.
 */
async function askingOf(context: Context, options: Options, read: ReadSteering | undefined) {
  const own = options.data === undefined ? ownFile(options.model, 'train.yaml') : undefined;
  const trained = read ? configOf(read) : own ? parseTrainConfig(await readText(own), own) : undefined;
  const { prompt, stop, answer, max_completion_length: maxNewTokens } = trained ?? {};
  const asking = {
    prompt: options.prompt ?? prompt,
    // A prompt file brings its own stop texts.
    stop: options.stop ?? (options.prompt === undefined ? stop : undefined),
    answer: options.answer ?? answer ?? 'boxed',
    maxNewTokens: options.maxNewTokens ?? maxNewTokens ?? 256,
  };
  context.note(
    `prompt ${asking.prompt ?? 'as the model suggests'}, answer ${asking.answer}, at most ${asking.maxNewTokens} tokens`,
  );
  return asking;
}

function configOf({ file, path }: ReadSteering): Partial<TrainConfig> {
  if (file.metadata.config === undefined) return {};
  const value: unknown = parse(file.metadata.config);
  if (typeof value !== 'object' || value === null)
    throw new UserError(`${path}: config in its metadata is no configuration.`);
  return parseTrainConfig(value, `${path}, config in its metadata`);
}
