import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Option } from 'commander';
import { summaryName } from '../../eval/evaluation_log.ts';
import type { Accuracy } from '../../eval/stats.ts';
import { setName, type TransferEntry, transferMarkdown, transferTable } from '../../eval/transfer.ts';
import { UserError } from '../../gpu/errors.ts';
import { defineCommand } from '../command.ts';
import { readText } from '../setup.ts';

interface Options {
  metric: 'greedy' | 'sampled';
}

export const command = defineCommand<Options>({
  examples: [
    ['trimtab transfer runs/gsm8k runs/math', 'run folders: what each measured before and after its training'],
    ['trimtab transfer evals/*.summary.json', 'summaries that `trimtab eval --details` wrote'],
  ],
  configure(command) {
    command
      .argument(
        '<paths...>',
        'summaries or per-problem files of `trimtab eval --details`, run folders, folders of summaries',
      )
      .addOption(new Option('--metric <metric>', 'which accuracy').choices(['greedy', 'sampled']).default('greedy'));
  },
  async run(context, { metric }, paths) {
    const entries: TransferEntry[] = [];
    for (const path of paths) entries.push(...(await entriesOf(path, metric)));
    if (entries.length === 0) {
      throw new UserError(
        `${paths.join(', ')}: no ${metric} accuracy is in there. Give --metric, or other evaluations.`,
      );
    }
    const result = transferTable(entries);
    context.print(transferMarkdown(result));
    context.printJson(result);
  },
});

type Json = Record<string, unknown>;

async function entriesOf(path: string, metric: Options['metric']): Promise<TransferEntry[]> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const names = readdirSync(path).sort();
    if (names.includes('summary.json') && names.includes('config.json')) return runEntries(path, metric);
    const summaries = names.filter((name) => name.endsWith('.summary.json'));
    if (summaries.length === 0) {
      throw new UserError(`${path} is no run folder, and has no *.summary.json of \`trimtab eval --details\`.`);
    }
    return (await Promise.all(summaries.map((name) => entriesOf(join(path, name), metric)))).flat();
  }
  const file = path.endsWith('.jsonl') ? summaryName(path) : path;
  const summary = await readJson(file);
  const { model, data, trained_on } = summary;
  if (typeof model !== 'string' || typeof data !== 'string') {
    throw new UserError(`${file} is no summary of \`trimtab eval --details\`: it names no model and data.`);
  }
  const figure = summary[metric] as Accuracy | undefined;
  if (!figure) return [];
  return [entry(model, typeof trained_on === 'string' ? trained_on : null, data, figure)];
}

/** A run folder has measured the model before and after. */
async function runEntries(folder: string, metric: Options['metric']): Promise<TransferEntry[]> {
  const config = await readJson(join(folder, 'config.json'));
  const summary = await readJson(join(folder, 'summary.json'));
  const model = String(config.model);
  const data = String(config.data ?? `${model}/problems-train.jsonl`);
  const tested = String(config.eval_data ?? (config.eval_split === undefined ? `${model}/problems-test.jsonl` : data));
  return [
    [null, summary.base],
    [setName(data.split(',')[0] as string), summary.steered],
  ].flatMap(([trainedOn, measured]) => {
    const figure = (measured as Json | undefined)?.[metric] as Accuracy | undefined;
    return figure ? [entry(model, trainedOn as string | null, tested, figure)] : [];
  });
}

function entry(
  model: string,
  trained_on: string | null,
  data: string,
  { accuracy, lo, hi, n }: Accuracy,
): TransferEntry {
  const name = basename(model).replace(/\.gguf$/, '');
  return { model: name, trained_on, tested_on: setName(data.split(',')[0] as string), accuracy, lo, hi, n };
}

async function readJson(path: string): Promise<Json> {
  const text = await readText(path);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Json;
  } catch {
    // Said below.
  }
  throw new UserError(`${path} is not a JSON object: a summary of \`trimtab eval --details\` was expected.`);
}
