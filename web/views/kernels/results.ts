import type { Row } from '../../../bench/row.ts';
import { significant } from './figures.ts';

/** A run of benchmarks, measured here or read from a file of `trimtab bench --json`. */
export interface BenchRun {
  /** The line before the rows: what a figure depends on besides the code. */
  readonly environment: { readonly name: 'environment'; readonly date?: string; readonly adapter?: string };
  readonly rows: readonly Row[];
}

/** What tells one row from another within a run. */
export function rowKey({ name, shape, dtype, impl }: Row): string {
  return [name, shape, dtype, impl].join(' | ');
}

/** One JSON object a line, as `trimtab bench --json` prints them: the environment, then the rows. */
export function toJsonLines({ environment, rows }: BenchRun): string {
  return `${[environment, ...rows].map((line) => JSON.stringify(line)).join('\n')}\n`;
}

/**
 * Reads what `toJsonLines` and `trimtab bench --json` write, or the same as one array.
 * @throws Error that says which line is none, or that there is no row
 */
export function parseRun(text: string): BenchRun {
  const values = text.trimStart().startsWith('[') ? (parse(text, 1) as unknown[]) : lines(text);
  const objects = values.filter((value): value is Record<string, unknown> => typeof value === 'object' && !!value);
  const rows = objects.filter(isRow);
  if (rows.length === 0) throw new Error('There is no row in this: it has to be what `trimtab bench --json` prints.');
  const environment = objects.find(({ name }) => name === 'environment') as BenchRun['environment'] | undefined;
  return { environment: environment ?? { name: 'environment', adapter: rows[0]?.adapter ?? 'unknown' }, rows };
}

function lines(text: string): unknown[] {
  return text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [parse(line, i + 1)]));
}

function parse(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Line ${line} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isRow(value: Record<string, unknown>): value is Record<string, unknown> & Row {
  const texts = [value.name, value.impl, value.shape, value.dtype];
  return texts.every((text) => typeof text === 'string') && (value.ms === null || typeof value.ms === 'number');
}

/** How long something takes against before: below 1 it became faster. */
export interface Ratio {
  readonly median: number;
  /** From the quartiles of both, at their furthest. */
  readonly low: number;
  readonly high: number;
  /** Whether one was timed by the GPU's timestamps and the other by the clock, which counts recording and submitting too. */
  readonly mixed: boolean;
}

/** Undefined where one of the two has no time. */
export function ratioOf(now: Row, before: Row | undefined): Ratio | undefined {
  if (!before?.ms || !now.ms) return undefined;
  const quartiles = (row: Row) => [row.p25 ?? (row.ms as number), row.p75 ?? (row.ms as number)] as const;
  const [[low, high], [lowBefore, highBefore]] = [quartiles(now), quartiles(before)];
  const mixed = now.method !== undefined && before.method !== undefined && now.method !== before.method;
  return { median: now.ms / before.ms, low: low / highBefore, high: high / lowBefore, mixed };
}

/** A table for issues and notes, with what it was measured on above it. */
export function toMarkdown({ environment, rows }: BenchRun): string {
  const head = ['kernel', 'shape', 'dtype', 'variant', 'ms', 'quartiles', 'GFLOP/s', 'GB/s', 'roofline'];
  const cells = rows.map((row) =>
    row.ms === null
      ? [row.name, row.shape, row.dtype, '', '', row.skipped ?? '', '', '', '']
      : [
          row.name,
          row.shape,
          row.dtype,
          row.variant ?? '',
          significant(row.ms),
          `${significant(row.p25)} to ${significant(row.p75)}`,
          significant(row.gflops),
          significant(row.gbps),
          row.roofline === null ? '' : `${(100 * row.roofline).toFixed(0)} %`,
        ],
  );
  const line = (texts: readonly string[]) => `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, i) => (i < 4 ? '---' : '---:'));
  return `${environment.adapter}, ${environment.date ?? ''}\n\n${[head, rule, ...cells].map(line).join('\n')}\n`;
}
