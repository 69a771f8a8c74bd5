import { UserError } from '../gpu/errors.ts';
import type { RandomAccess } from '../gpu/platform.ts';
import { shown } from '../gpu/shown.ts';
import { utf8 } from '../model/files.ts';

/** A row of a data file by its columns, and where it stands for messages. */
export interface TableRow {
  readonly columns: Readonly<Record<string, unknown>>;
  /** `file:line` for JSON lines, `file: row N` (from 1, without the head) for CSV and Parquet. */
  readonly source: string;
}

type TableFormat = 'jsonl' | 'csv' | 'parquet';

const FORMATS: Readonly<Record<string, TableFormat>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'jsonl',
  csv: 'csv',
  tsv: 'csv',
  parquet: 'parquet',
};

/** By the end of its name; what has no known one is read as JSON lines. */
export function formatOf(name: string): TableFormat {
  return FORMATS[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? ''] ?? 'jsonl';
}

/**
 * All rows of a JSON lines, CSV or Parquet file.
 * @param name the file's, as the user knows it: for its format and for messages
 * @throws UserError for a file that is not of its format
 */
export async function readTable(file: RandomAccess, name: string): Promise<TableRow[]> {
  const format = formatOf(name);
  if (format === 'parquet') return parquetRows(file, name);
  const text = utf8(await file.read(0, file.size), name);
  return format === 'csv' ? csvRows(text, name) : jsonRows(text, name);
}

/** One JSON object a line; a byte-order mark, CRLF and blank lines are fine. */
export function jsonRows(text: string, name: string): TableRow[] {
  const rows: TableRow[] = [];
  for (const [number, raw] of withoutMark(text).split('\n').entries()) {
    const line = raw.trim();
    if (line === '') continue;
    const source = `${name}:${number + 1}`;
    rows.push({ columns: jsonObject(line, source, rows.length === 0), source });
  }
  return rows;
}

function jsonObject(line: string, source: string, first: boolean): Record<string, unknown> {
  let value: unknown;
  const way =
    first && line.startsWith('[')
      ? " A JSON array is not read: one object a line is; `jq -c '.[]' ARRAY.json > LINES.jsonl` converts."
      : '';
  try {
    value = JSON.parse(line);
  } catch {
    throw new UserError(`${source}: one JSON object on the line was expected, found ${shown(line)}.${way}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UserError(
      `${source}: a JSON object like {"question": "…", "answer": "…"} was expected, found ${shown(value)}.${way}`,
    );
  }
  return value as Record<string, unknown>;
}

/** CSV with a head line; the separator is the one that the head has: a tab, a comma or a semicolon. */
async function csvRows(text: string, name: string): Promise<TableRow[]> {
  const { default: Papa } = await import('papaparse');
  const content = withoutMark(text);
  const head = content.slice(0, content.search(/[\r\n]|$/));
  const delimiter = ['\t', ',', ';'].find((separator) => head.includes(separator)) ?? ',';
  const { data, errors } = Papa.parse<string[]>(content, { delimiter, skipEmptyLines: 'greedy' });
  const [names, ...rows] = data;
  const [error] = errors;
  if (error) {
    throw new UserError(
      `${name}: row ${error.row ?? 0} is no CSV: ${error.message}. A quote within quotes is written twice.`,
    );
  }
  const twice = names?.find((column, i) => names.findIndex((other) => other.trim() === column.trim()) < i);
  if (twice !== undefined)
    throw new UserError(`${name}: two columns are called ${twice.trim()}. Give one another name.`);
  return rows.map((cells, i) => {
    const source = `${name}: row ${i + 1}`;
    if (cells.length !== names?.length) {
      throw new UserError(
        `${source} has ${cells.length} values, and the head names ${names?.length} columns. Put values with commas into quotes.`,
      );
    }
    return { columns: Object.fromEntries(names.map((column, c) => [column.trim(), cells[c]])), source };
  });
}

/** Parquet in any of its compressions, as data sets on the Hub are kept. */
async function parquetRows(file: RandomAccess, name: string): Promise<TableRow[]> {
  const { parquetObjects } = await import('./parquet.ts');
  try {
    const rows = await parquetObjects(file);
    return rows.map((row, i) => ({
      columns: Object.fromEntries(Object.entries(row).map(([column, value]) => [column, plainNumber(value)])),
      source: `${name}: row ${i + 1}`,
    }));
  } catch (error) {
    throw new UserError(`${name} cannot be read as Parquet: ${error instanceof Error ? error.message : error}.`);
  }
}

/** 64-bit whole numbers come as BigInt. */
function plainNumber(value: unknown): unknown {
  return typeof value === 'bigint' ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)) : value;
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}
