import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Option } from 'commander';
import { percent } from '../../eval/figures.ts';
import { ANSWER_KINDS, type AnswerKind } from '../../eval/grade/extract.ts';
import { grade } from '../../eval/grade/grade.ts';
import { UserError } from '../../gpu/errors.ts';
import { defineCommand } from '../command.ts';
import { Progress } from '../progress.ts';

interface Options {
  answer: AnswerKind | 'any';
}

/** More gold answers that cannot be read are counted and not listed. */
const MAX_LISTED = 20;
const SHOWN = 80;

export const command = defineCommand<Options>({
  examples: [
    ['trimtab grade pairs.jsonl > verdicts.jsonl', 'a verdict for each line {"gold": …, "prediction": …}'],
    [
      `echo '{"gold": "\\\\frac{1}{2}", "prediction": "so it is $\\\\boxed{0.5}$"}' | trimtab grade`,
      'from standard input',
    ],
    ['trimtab grade pairs.jsonl --answer boxed', 'only the last \\boxed{} counts, as in training'],
  ],
  configure(command) {
    command
      .argument('[file]', 'JSON lines with gold and prediction; default: standard input')
      .addOption(
        new Option('--answer <rule>', 'where a prediction has its answer; any takes the first that finds one')
          .choices(['any', ...ANSWER_KINDS])
          .default('any'),
      )
      .addHelpText(
        'after',
        '\nA prediction is a whole completion or a bare answer. Each line of input gives one line of output, in its order:' +
          '\n{"correct": true|false, "gold": …, "extracted": …, "why": …}; extracted is null where no answer was found.' +
          '\nThe summary goes to standard error; --json changes nothing, for the output is JSON lines anyway.',
      );
  },
  async run(context, options, [file]) {
    const name = file ?? 'standard input';
    if (file !== undefined) await checkFile(file);
    const input = file === undefined ? process.stdin : createReadStream(file);
    // How many lines there are is not known before they have been read: progress counts bytes.
    const size = file === undefined ? 0 : (await stat(file)).size;
    const progress = size > 1 << 20 ? new Progress({ label: 'grade', total: 100 }) : undefined;
    const tally = { lines: 0, correct: 0, missing: 0, unreadable: [] as string[] };
    let number = 0;
    let bytes = 0;
    try {
      for await (const raw of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
        number += 1;
        bytes += Buffer.byteLength(raw) + 1;
        const line = raw.replace(/^\uFEFF/, '').trim();
        if (line === '') continue;
        const source = `${name}:${number}`;
        const { gold, prediction } = parsePair(line, source);
        const { correct, extracted, why, goldUnreadable } = await grade(prediction, gold, options.answer);
        tally.lines += 1;
        if (correct) tally.correct += 1;
        if (extracted === undefined) tally.missing += 1;
        if (goldUnreadable) tally.unreadable.push(`${source}: ${shown(gold)}: ${why}`);
        await written(JSON.stringify({ correct, gold, extracted: extracted ?? null, why }));
        progress?.update(Math.floor((100 * bytes) / size), { text: `${tally.lines} lines` });
      }
    } finally {
      progress?.finish();
    }
    if (tally.lines === 0)
      throw new UserError(`${name}: lines {"gold": …, "prediction": …} were expected, found none.`);
    for (const line of tally.unreadable.slice(0, MAX_LISTED)) context.note(line);
    if (tally.unreadable.length > MAX_LISTED) context.note(`… and ${tally.unreadable.length - MAX_LISTED} more`);
    context.note(
      `${tally.correct} of ${tally.lines} correct (${percent(tally.correct / tally.lines)}); ` +
        `${tally.missing} without an answer; ${tally.unreadable.length} gold answers could not be read` +
        `${tally.unreadable.length > 0 ? ' and were compared as text' : ''}.`,
    );
    return undefined;
  },
});

async function checkFile(file: string): Promise<void> {
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(error.code === 'ENOENT' ? `There is no ${file}` : `${file} cannot be read: ${error.message}`);
  });
  if (info.isDirectory()) throw new UserError(`${file} is a folder, and a file of JSON lines was expected`);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

const WAY = 'One object {"gold": "…", "prediction": "…"} a line was expected';

function parsePair(line: string, source: string): { gold: string; prediction: string } {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    throw new UserError(`${source}: ${WAY}, found ${shown(line)}, which is no JSON.`);
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new UserError(`${source}: ${WAY}, found ${shown(row)}.`);
  }
  const text = (key: 'gold' | 'prediction'): string => {
    const value = (row as Record<string, unknown>)[key];
    if (typeof value === 'string' && (key === 'prediction' || value.trim() !== '')) return value;
    if (typeof value === 'number' && Number.isFinite(value)) return String(value);
    const found = value === undefined ? `the columns ${Object.keys(row).join(', ') || 'none'}` : shown(value);
    throw new UserError(`${source}: text or a number was expected in ${key}, found ${found}.`);
  };
  return { gold: text('gold'), prediction: text('prediction') };
}

/** Waits where the reader is slower. */
async function written(line: string): Promise<void> {
  if (process.stdout.write(`${line}\n`)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
}
