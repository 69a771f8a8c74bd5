import { defineCommand } from '../command.ts';
import { addConfigOptions } from '../run_options.ts';
import { lensTable } from '../run_view.ts';
import { trainRun } from '../train_run.ts';

export const command = defineCommand<Record<string, unknown>>({
  examples: [
    [
      'trimtab train --model models/demo --steps 40 --seed 1 --out runs/mine',
      'the demonstration model on the problems that it brings',
    ],
    [
      'trimtab train --model models/demo --data examples/problems.jsonl --out runs/own',
      'on problems of your own: JSON lines with question and answer',
    ],
    ['trimtab train my.yaml --learning-rate 1e-3', 'from a configuration file; options win'],
    ['trimtab train --resume runs/mine', 'go on after Ctrl-C, a crash or a lost device, to the same bits'],
    [
      'trimtab train recipes/qwen2.5-1.5b-gsm8k.yaml --dry-run',
      'how much GPU memory and time one of the paper’s runs takes',
    ],
    [
      'trimtab train --model models/demo --reward random --out runs/control',
      'the control: a reward that knows nothing',
    ],
  ],
  configure(command) {
    command.argument('[config]', 'YAML file with any of the fields below, in snake_case');
    addConfigOptions(command);
  },
  async run(context, options, [file]) {
    const run = await trainRun(context, options, file);
    if (!run) return;
    const { summary, lens, where } = run;
    context.print(`\n${lensTable(lens)}\n`);
    context.print(
      `${where} holds steering.safetensors, metrics.jsonl, completions.jsonl, summary.json and report.html`,
    );
    context.printJson({ where, ...summary });
  },
});
