import { createReadStream } from 'node:fs';
import { openFile } from '#platform';
import { UserError } from '../../gpu/errors.ts';
import { openTokenizer } from '../../model/language_model.ts';
import type { Tokenizer } from '../../model/tokenizer.ts';
import { defineCommand } from '../command.ts';
import { addOffline, MODEL_HELP, modelFiles } from '../model_files.ts';

interface Options {
  readonly model: string;
  readonly decode?: boolean;
  readonly specialTokens: boolean;
}

export const command = defineCommand<Options>({
  examples: [
    [
      `echo '"How many?"' | trimtab tokenize --model models/demo`,
      'a JSON string a line in, a JSON list of ids a line out',
    ],
    [`echo '[263, 31]' | trimtab tokenize --model models/demo --decode`, 'the other way round'],
    [
      'trimtab tokenize texts.jsonl --model Qwen/Qwen2.5-0.5B-Instruct',
      'from a file; of a model on the Hub only the tokenizer is fetched',
    ],
  ],
  configure(command) {
    addOffline(command)
      .argument('[file]', 'JSON lines; standard input where none is named')
      .requiredOption('--model <model>', `${MODEL_HELP}; no weights are read`)
      .option('--decode', 'lists of ids in, texts out')
      .option(
        '--special-tokens',
        'add the tokens that begin and end a text; with --decode keep special tokens (default)',
      )
      .option('--no-special-tokens', 'add none; with --decode leave special tokens out');
  },
  async run(_context, options, [path]) {
    const files = await modelFiles(options.model, 'tokenizer');
    const tokenizer = await openTokenizer(files);
    if ('close' in files) await files.close();
    // A missing file is a message, not a stream's error.
    if (path !== undefined) await (await openFile(path)).close();
    const where = path ?? 'standard input';
    const convert = options.decode ? decodeLine : encodeLine;
    let number = 0;
    for await (const line of linesOf(path === undefined ? process.stdin : createReadStream(path))) {
      number += 1;
      if (line.trim() === '') continue;
      const out = convert(tokenizer, line, `${where}, line ${number}`, options.specialTokens ?? true);
      if (!process.stdout.write(`${JSON.stringify(out)}\n`)) {
        await new Promise((drained) => process.stdout.once('drain', drained));
      }
    }
  },
});

/** Lines end at a line feed alone: a JSON text may hold U+2028, where readline would end one. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of stream) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n');
    rest = lines.pop() as string;
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

function encodeLine(tokenizer: Tokenizer, line: string, where: string, addSpecialTokens: boolean): number[] {
  const text = parse(line);
  if (typeof text !== 'string') throw expected(where, 'a JSON string such as "two words"', line);
  // JSON can spell what no text holds.
  if (/\p{Surrogate}/u.test(text)) {
    throw new UserError(
      `${where}: the string has half of a surrogate pair, which stands for no character. Take it out.`,
    );
  }
  try {
    return tokenizer.encode(text, { addSpecialTokens });
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${where}: ${error.message}`) : error;
  }
}

function decodeLine(tokenizer: Tokenizer, line: string, where: string, keepSpecialTokens: boolean): string {
  const ids = parse(line);
  if (!Array.isArray(ids) || ids.some((id) => !Number.isSafeInteger(id))) {
    throw expected(where, 'a JSON list of token ids such as [51, 7]', line);
  }
  const odd = ids.find((id) => tokenizer.idToToken(id) === undefined);
  if (odd !== undefined) throw new UserError(`${where}: the vocabulary has no token ${odd}.`);
  return tokenizer.decode(ids, { skipSpecialTokens: !keepSpecialTokens });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const SHOWN = 60;

function expected(where: string, what: string, line: string): UserError {
  const text = line.trim();
  return new UserError(
    `${where}: ${what} was expected, not ${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}`,
  );
}
