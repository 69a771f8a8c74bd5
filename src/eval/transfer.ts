import { points } from './figures.ts';

/** One evaluation as a transfer table needs it: a model, trained on one set (or on none), tested on another. */
export interface TransferEntry {
  readonly model: string;
  /** null for the model without vectors. */
  readonly trained_on: string | null;
  readonly tested_on: string;
  readonly accuracy: number;
  readonly lo: number;
  readonly hi: number;
  readonly n: number;
}

interface TransferTable {
  readonly models: readonly string[];
  /** In the order of the paper's table: the base first, then for each training set the sets that it was tested on. */
  readonly rows: readonly {
    readonly trained_on: string | null;
    readonly tested_on: string;
    /** By model, null where it was not measured. */
    readonly cells: readonly (TransferEntry | null)[];
  }[];
}

/** Sorts evaluations into rows (training set → test set) and columns (models), in the order in which they come. */
export function transferTable(entries: readonly TransferEntry[]): TransferTable {
  const models = unique(entries.map(({ model }) => model));
  const tests = unique(entries.map(({ tested_on }) => tested_on));
  const trained = unique(entries.map(({ trained_on }) => trained_on)).sort(
    (a, b) => Number(a !== null) - Number(b !== null),
  );
  // As the paper has it, a training set's own test set comes first.
  const rows = trained.flatMap((trained_on) =>
    [...tests]
      .sort((a, b) => Number(b === trained_on) - Number(a === trained_on))
      .flatMap((tested_on) => {
        const of = entries.filter((entry) => entry.trained_on === trained_on && entry.tested_on === tested_on);
        const cells = models.map((model) => of.findLast((entry) => entry.model === model) ?? null);
        return of.length > 0 ? [{ trained_on, tested_on, cells }] : [];
      }),
  );
  return { models, rows };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** The table in Markdown: accuracies in %, 95 % intervals in parentheses. */
export function transferMarkdown({ models, rows }: TransferTable): string {
  const percent = (share: number) => points(share, 2);
  const cell = (entry: TransferEntry | null) =>
    entry ? `${percent(entry.accuracy)} (${percent(entry.lo)} to ${percent(entry.hi)})` : '–';
  const line = (cells: readonly string[]) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(['train → test', ...models]),
    line(['---', ...models.map(() => '---')]),
    ...rows.map(({ trained_on, tested_on, cells }) =>
      line([`${trained_on ?? 'base'} → ${tested_on}`, ...cells.map(cell)]),
    ),
  ].join('\n');
}

/** What a split's file is called, as opposed to the set that it is a part of. */
const SPLIT = /^(?:train|test|validation|valid|val|dev|eval|data|problems)(?:[-_].*)?$/i;

/** The data set that a file belongs to: `gsm8k` of `data/gsm8k/test.jsonl` and of `hf:openai/gsm8k/main/test`. */
export function setName(path: string): string {
  const parts = path
    .replace(/^hf:/, '')
    .split(/[/\\]/)
    .filter((part) => part !== '' && part !== '.' && part !== '..');
  if (path.startsWith('hf:')) return parts[1] ?? path;
  const stem = (parts.at(-1) ?? path).replace(/\.\w+$/, '');
  return SPLIT.test(stem) ? (parts.at(-2) ?? stem) : stem;
}
