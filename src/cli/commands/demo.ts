import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parse } from 'yaml';
import { defineCommand } from '../command.ts';
import { packageRoot } from '../package_root.ts';
import { addProfileOption, addStepsOption } from '../profile.ts';
import { addConfigOptions } from '../run_options.ts';
import { exampleLines, lensTable } from '../run_view.ts';
import { trainRun } from '../train_run.ts';
import { tryThem } from '../try_them.ts';

export const command = defineCommand<Record<string, unknown>>({
  examples: [
    ['trimtab demo', 'measure, train 40 steps, measure again: some minutes on two CPU cores'],
    ['trimtab demo --reward random --seed 1', 'the control: nothing should be learned'],
    ['trimtab demo --resume runs/demo', 'go on after Ctrl-C'],
  ],
  configure(command) {
    const own = parse(readFileSync(`${packageRoot()}/models/demo/train.yaml`, 'utf8')) as Record<string, unknown>;
    addConfigOptions(command, ['model', 'data', 'question_key', 'answer_key', 'eval_data'], own);
    addStepsOption(addProfileOption(command, 'the run folder'));
  },
  async run(context, options) {
    const model = relative(process.cwd(), `${packageRoot()}/models/demo`) || '.';
    const run = await trainRun(context, { ...options, model });
    if (!run) return;
    const { summary, lens, examples, where } = run;
    context.print(`\n${exampleLines(examples)}\n`);
    context.print(`${lensTable(lens)}\n`);
    context.print(`${where}/report.html shows the curves; steering.safetensors beside it holds the vectors.`);
    context.print(tryThem(model, where, run.asked));
    context.printJson({ where, ...summary, ...(run.profile && { profile: run.profile }) });
  },
});
