import { UserError } from '../gpu/errors.ts';
import { type Evaluation, type EvaluationRow, rowKey } from './evaluate.ts';

/** Where an evaluation keeps its files: a run folder is one. */
interface LogStore {
  readonly where: string;
  writeAtomic(name: string, content: string): Promise<void>;
  append(name: string, text: string): Promise<void>;
  read(name: string): Promise<Uint8Array | undefined>;
  remove(name: string): Promise<void>;
}

/** Everything that a completion depends on besides its problem and number. A value that differs makes another evaluation. */
export type LogSettings = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** What is to be measured: the problems, and the modes with their number of samples. */
interface LogWanted {
  readonly problems: readonly { readonly index: number; readonly question: string; readonly answer: string }[];
  readonly samples: { readonly greedy: number; readonly sampled: number };
}

/** Beside `answers.jsonl`: `answers.summary.json`. */
export function summaryName(name: string): string {
  return `${name.replace(/\.jsonl$/, '')}.summary.json`;
}

/**
 * The per-problem file of an evaluation, such that one that was killed goes on where it was. While it runs, rows are added to
 * `NAME.partial` as they finish, under a first line with the settings; at its end NAME is written as a whole, in the
 * order of the problems, and so has the same bytes however often it was interrupted.
 */
export class EvaluationLog {
  /** Rows from before: they need not be made again. */
  readonly done: readonly EvaluationRow[];
  readonly #store: LogStore;
  readonly #name: string;
  readonly #settings: LogSettings;
  #begun: boolean;

  private constructor(store: LogStore, name: string, settings: LogSettings, done: EvaluationRow[], begun: boolean) {
    this.#store = store;
    this.#name = name;
    this.#settings = settings;
    this.done = done;
    this.#begun = begun;
  }

  /**
   * Opens the log of an evaluation, with what an earlier one of the same settings left: one that was interrupted, or one of fewer
   * samples or problems.
   * @throws UserError where the file holds something else: nothing is overwritten
   */
  static async open(store: LogStore, name: string, settings: LogSettings, wanted: LogWanted): Promise<EvaluationLog> {
    const at = (file: string) => `${store.where}/${file}`;
    const partial = await readText(store, `${name}.partial`);
    const finished = await readText(store, name);
    const rows: EvaluationRow[] = [];
    if (finished !== undefined && finished.trim() !== '') {
      const summary = await readText(store, summaryName(name));
      if (summary === undefined) {
        throw new UserError(`${at(name)} is there already, and no evaluation of trimtab: name another file.`);
      }
      checkSettings(settingsOf(summary, at(summaryName(name))), settings, at(name));
      rows.push(...parseRows(finished, at(name)));
    }
    const lines = partial?.split('\n') ?? [];
    if (lines[0]) {
      checkSettings(headerOf(lines[0], at(`${name}.partial`)), settings, at(`${name}.partial`));
      rows.push(...parseRows(lines.slice(1).join('\n'), at(`${name}.partial`)));
    }
    const done = [...new Map(rows.map((row) => [rowKey(row), row])).values()];
    checkRows(done, wanted, at(name));
    const log = new EvaluationLog(store, name, settings, done, false);
    // A process that was killed may have left half a line, to which nothing must be added.
    if (lines[0]) await log.#begin();
    return log;
  }

  /** Adds a row that has just been finished. */
  async add(row: EvaluationRow): Promise<void> {
    if (!this.#begun) await this.#begin();
    await this.#store.append(`${this.#name}.partial`, line(row));
  }

  /** Writes the file in its order, and the summary beside it. */
  async finish({ rows }: Evaluation, summary: object): Promise<void> {
    await this.#store.writeAtomic(this.#name, rows.map(line).join(''));
    const whole = { ...summary, settings: this.#settings };
    await this.#store.writeAtomic(summaryName(this.#name), `${JSON.stringify(whole, null, 2)}\n`);
    await this.#store.remove(`${this.#name}.partial`);
  }

  async #begin(): Promise<void> {
    this.#begun = true;
    await this.#store.writeAtomic(
      `${this.#name}.partial`,
      [{ settings: this.#settings }, ...this.done].map(line).join(''),
    );
  }
}

/** Rows of a per-problem file; a torn last line is left out. @throws UserError naming the line that is no row */
export function parseRows(text: string, where: string): EvaluationRow[] {
  const lines = text.split('\n');
  const rows: EvaluationRow[] = [];
  for (const [i, content] of lines.entries()) {
    if (content.trim() === '') continue;
    const row = rowOf(content);
    if (row) rows.push(row);
    else if (i < lines.length - 1) {
      throw new UserError(
        `${where}:${i + 1}: a line of \`trimtab eval --details\` was expected (problem, mode, sample, question, correct, tokens), ` +
          `found ${content.slice(0, 80)}.`,
      );
    }
  }
  return rows;
}

function rowOf(content: string): EvaluationRow | undefined {
  let row: Partial<EvaluationRow> | null;
  try {
    row = JSON.parse(content) as Partial<EvaluationRow> | null;
  } catch {
    return undefined;
  }
  const { problem, mode, sample, question, correct, tokens } = row ?? {};
  const fine =
    Number.isInteger(problem) &&
    (mode === 'greedy' || mode === 'sampled') &&
    Number.isInteger(sample) &&
    typeof question === 'string' &&
    typeof correct === 'boolean' &&
    Number.isInteger(tokens);
  return fine ? (row as EvaluationRow) : undefined;
}

function headerOf(content: string, where: string): LogSettings {
  try {
    const { settings } = JSON.parse(content) as { settings?: LogSettings };
    if (settings) return settings;
  } catch {
    // Said below.
  }
  throw new UserError(`${where} is broken: its first line should hold the settings. Delete it to start afresh.`);
}

function checkSettings(before: LogSettings, now: LogSettings, where: string): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const [then, asked] = [JSON.stringify(before[key] ?? null), JSON.stringify(now[key] ?? null)];
    if (then === asked) continue;
    throw new UserError(
      `${where} holds an evaluation with ${key} ${then}, and this one has ${asked}. Give the same options to go on with it, ` +
        'or name another file, or delete it.',
    );
  }
}

function checkRows(rows: readonly EvaluationRow[], wanted: LogWanted, where: string): void {
  const problems = new Map(wanted.problems.map((problem) => [problem.index, problem]));
  for (const row of rows) {
    const problem = problems.get(row.problem);
    if (problem && problem.question === row.question && problem.answer === row.answer) {
      if (row.sample < wanted.samples[row.mode]) continue;
    } else if (problem) {
      throw new UserError(`${where} was made on other problems: number ${row.problem} differs. Name another file.`);
    }
    throw new UserError(
      `${where} holds answers that this evaluation does not ask for (problem ${row.problem}, ${row.mode}, sample ${row.sample}), ` +
        'and they would be lost. Ask for as many problems and samples as before, or name another file.',
    );
  }
}

async function readText(store: LogStore, name: string): Promise<string | undefined> {
  const bytes = await store.read(name);
  return bytes && new TextDecoder().decode(bytes);
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function settingsOf(summary: string, where: string): LogSettings {
  try {
    return (JSON.parse(summary) as { settings?: LogSettings }).settings ?? {};
  } catch {
    throw new UserError(
      `${where} is no summary of an evaluation. Remove it together with its rows, or name another file.`,
    );
  }
}
