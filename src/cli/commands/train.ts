import { defineCommand } from '../command.ts';
import { addProfileOption, addStepsOption } from '../profile.ts';
import { addConfigOptions } from '../run_options.ts';
import { lensTable, seedsTable } from '../run_view.ts';
import { trainRun } from '../train_run.ts';
import { seedsOf, trainSeeds } from '../train_seeds.ts';
import { tryThem } from '../try_them.ts';

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
    [
      'trimtab train --model models/demo --preset dapo --num-iterations 2 --out runs/dapo',
      'another objective: paper, grpo, dr_grpo, dapo, rloo_trl; fields that are given win',
    ],
    [
      'trimtab train --model models/demo --seeds 0,1,2 --out runs/seeds',
      'the same run with three seeds: mean and interval',
    ],
    ['trimtab train --resume runs/mine', 'go on after Ctrl-C, a crash or a lost device, to the same bits'],
    [
      'trimtab train recipes/qwen2.5-1.5b-gsm8k.yaml --dry-run',
      'how much GPU memory and time one of the paper’s runs takes',
    ],
    [
      'trimtab train --model models/demo --steps 4 --profile --out runs/profiled',
      'what each kernel takes of a step: a table, a Chrome trace, a section of report.html',
    ],
    [
      'trimtab train --model models/demo --reward random --out runs/control',
      'the control: a reward that knows nothing',
    ],
  ],
  configure(command) {
    command.argument('[config]', 'YAML file with any of the fields below, in snake_case');
    addConfigOptions(command);
    addStepsOption(addProfileOption(command, 'the run folder'));
    command.option('--seeds <list>', 'a run for each of these seeds (0,1,2 or 0-4), with mean and interval over them');
  },
  async run(context, options, [file]) {
    const seeds = (options.seeds as string | undefined) ?? (await seedsOf(options.resume as string | undefined));
    if (seeds !== undefined) {
      const done = await trainSeeds(context, { ...options, seeds }, file);
      if (!done) return;
      context.print(`\n${seedsTable(done.summary)}\n`);
      context.print(`${done.where} holds a run folder for each seed, and summary.json with mean and interval.`);
      context.printJson({ where: done.where, ...done.summary });
      return;
    }
    const run = await trainRun(context, options, file);
    if (!run) return;
    const { summary, lens, where, config } = run;
    context.print(`\n${lensTable(lens)}\n`);
    context.print(
      `${where} holds steering.safetensors, metrics.jsonl, completions.jsonl, summary.json and report.html`,
    );
    if (!summary.steered && config.eval_size !== 0) {
      const way = config.method === 'rl' ? '--eval-split 0.2' : '--eval-data FILE';
      context.print(`Whether they help was not measured: give ${way} to measure before and after.`);
    }
    context.print(tryThem(config.model ?? '', where, run.asked));
    context.printJson({ where, ...summary, ...(run.profile && { profile: run.profile }) });
  },
});
