import { writeFile } from 'node:fs/promises';
import type { AnswerKind } from '../../eval/answers.ts';
import { type Evaluation, evaluate } from '../../eval/evaluate.ts';
import { UserError } from '../../gpu/errors.ts';
import { Option } from 'commander';
import { defineCommand } from '../command.ts';
import { integer, number } from '../options.ts';
import { Progress } from '../progress.ts';
import { accuracyLine } from '../run_view.ts';
import { askerFor, openModel, openSteering, ownFile, readProblems } from '../setup.ts';

interface Options {
  model: string;
  data?: string;
  steering?: string;
  scale?: number;
  prompt?: string;
  stop?: string[];
  answer: AnswerKind;
  limit?: number;
  maxNewTokens: number;
  temperature: number;
  seed: number;
  questionKey?: string;
  answerKey?: string;
  details?: string;
}

export const command = defineCommand<Options>({
  examples: [
    ['trimtab eval --model models/demo', 'the model alone, on the held-out problems that it brings'],
    ['trimtab eval --model models/demo --steering runs/demo/steering.safetensors', 'with vectors'],
    ['trimtab eval --model models/demo --data examples/problems.jsonl --details rows.jsonl', 'own problems, a line for each answer'],
  ],
  configure(command) {
    command
      .requiredOption('--model <path>', 'Hugging Face folder or .gguf file')
      .option('--data <file>', 'problems, JSON lines; default: the model’s own held-out problems')
      .option('--steering <file>', 'steering vectors (safetensors)')
      .option('--scale <number>', 'factor on the vectors; default: the one that they were trained with', number())
      .option('--prompt <prompt>', 'qa, user-assistant, chat, a template with {question}, or a prompt file')
      .option('--stop <text...>', 'texts that end a completion')
      .addOption(new Option('--answer <kind>', 'where the answer is').choices(['boxed', 'last_number']).default('boxed'))
      .option('--limit <n>', 'only the first n problems', integer({ min: 1 }))
      .option('--max-new-tokens <n>', 'longest completion', integer({ min: 1 }), 256)
      .option('--temperature <number>', 'of the sampled completions', number({ min: 0.001 }), 1)
      .option('--seed <n>', 'key of the random numbers', integer({ min: 0 }), 0)
      .option('--question-key <name>', 'column of the question')
      .option('--answer-key <name>', 'column of the answer')
      .option('--details <file>', 'write a JSON line for every answer');
  },
  async run(context, options) {
    const { signal } = context;
    const data = options.data ?? ownFile(options.model, 'problems-test.jsonl');
    if (data === undefined) throw new UserError(`${options.model} brings no problems of its own: give --data FILE.`);
    const problems = (await readProblems(data, options)).slice(0, options.limit);
    const device = await context.openDevice();
    const lm = await openModel(context, device, options.model);
    const { encode, stop } = await askerFor(options as Parameters<typeof askerFor>[0], lm);
    const steering = options.steering ? (await openSteering(lm, options.steering, options.scale)).steering : undefined;
    const progress = new Progress({ label: 'eval', total: 2 * problems.length });
    const result: Evaluation = await evaluate(lm, problems.map(encode), {
      answer: options.answer,
      maxNewTokens: options.maxNewTokens,
      seed: options.seed,
      temperature: options.temperature,
      steering,
      stop,
      signal,
      onProgress: (finished, _total, tokens) => progress.update(finished, { text: `${tokens} tokens` }),
    });
    progress.finish();
    if (options.details) await writeFile(options.details, result.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    context.print(accuracyLine(steering ? 'steered' : 'base', result));
    const { greedy, sampled } = result;
    context.printJson({ model: options.model, data, steering: options.steering ?? null, greedy, sampled });
  },
});
