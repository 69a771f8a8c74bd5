import type { Row } from './row.ts';
import type { SweepName } from './sweep_points.ts';
import { SHARED } from './training.ts';

/** How the page shows a sweep. */
export interface SweepView {
  readonly title: string;
  readonly text: string;
  /** What the horizontal axis counts. */
  readonly unit: string;
  readonly logarithmic: boolean;
  readonly logarithmicTime: boolean;
  /** What the dashed line is, where there is one. */
  readonly floor?: string;
  /** The figure to remember, and what it is of; undefined where too few values were measured. */
  finding(rows: readonly Row[]): readonly [figure: string, of: string] | undefined;
}

/** Rates that differ by less are as good as equal: within what measuring twice gives. */
const ALIKE = 1.05;

const times = (ratio: number) => `${ratio.toFixed(2)} ×`;
const plural = (count: number, one: string) => `${count.toLocaleString('en-US')} ${one}${count === 1 ? '' : 's'}`;

/** The rows of the line that is measured last, ascending. */
function lastLine(rows: readonly Row[]): Row[] {
  const line = rows.at(-1)?.line;
  return rows.filter((row) => row.line === line).sort((a, b) => (a.value as number) - (b.value as number));
}

/** The largest value that two lines have both, with the time of each. */
function largestOfBoth(
  rows: readonly Row[],
  first: string,
  second: string,
): { value: number; first: number; second: number } | undefined {
  const ofLine = (line: string) => rows.filter((row) => row.line === line);
  for (const { value, ms } of ofLine(second).reverse()) {
    const other = ofLine(first).find((row) => row.value === value);
    if (other) return { value: value as number, first: other.ms as number, second: ms as number };
  }
  return undefined;
}

export const VIEWS: Readonly<Record<SweepName, SweepView>> = {
  tokens: {
    title: 'Tokens',
    text: 'One pass over that many rows, sequences of 64 tokens each: log-probabilities alone, and loss with the gradient of all vectors.',
    unit: 'rows',
    logarithmic: true,
    logarithmicTime: true,
    finding(rows) {
      const both = largestOfBoth(rows, 'forward pass', 'training pass');
      if (!both) return undefined;
      return [times(both.second / both.first), `the forward pass: the training pass over ${plural(both.value, 'row')}`];
    },
  },
  batch: {
    title: 'Batch',
    text: 'One decode pass, which draws a token for each of so many sequences. They share a prompt of 64 tokens and have 20 of their own.',
    unit: 'sequences',
    logarithmic: true,
    logarithmicTime: true,
    finding(rows) {
      const [first, last] = [rows[0], rows.at(-1)];
      if (!first || !last || first === last) return undefined;
      const rate = (row: Row) => row.tokens_per_second as number;
      const best = Math.max(...rows.map(rate));
      // The fewest that are as fast as any: more at once only wait longer.
      const reached = rows.find((row) => rate(row) * ALIKE >= best) as Row;
      const flat = reached !== last && rows.slice(rows.indexOf(reached)).every((row) => rate(row) * ALIKE >= best);
      const of = `the tokens a second of ${plural(first.value as number, 'sequence')}, with ${reached.value} at once`;
      return [times(rate(reached) / rate(first)), flat ? `${of}; flat from there to ${last.value}` : of];
    },
  },
  completions: {
    title: 'Completions',
    text: `A training pass over K completions of ${SHARED.tokens} tokens to one prompt of ${SHARED.prompt}: the prompt’s rows once for all, beside a prompt before each.`,
    unit: 'completions',
    logarithmic: true,
    logarithmicTime: true,
    finding(rows) {
      const both = largestOfBoth(rows, 'separate sequences', 'prompt once');
      if (!both) return undefined;
      const own = SHARED.tokens - 1;
      const byRows = (both.value * (SHARED.prompt + own)) / (SHARED.prompt + both.value * own);
      return [
        times(both.first / both.second),
        `as fast as separate sequences: ${plural(both.value, 'completion')} with the prompt once (${times(byRows)} by the count of rows)`,
      ];
    },
  },
  context: {
    title: 'Context',
    text: 'One decode pass behind so many keys. The sequences share all of them but the last 20.',
    unit: 'keys',
    logarithmic: true,
    logarithmicTime: false,
    finding(rows) {
      const line = lastLine(rows);
      const [first, last] = [line[0], line.at(-1)];
      if (!first || !last || first === last) return undefined;
      return [
        times((last.ms as number) / (first.ms as number)),
        `the time behind ${first.value} keys, behind ${last.value?.toLocaleString('en-US')} (${last.line})`,
      ];
    },
  },
  layers: {
    title: 'Layers trained',
    text: 'A training pass for the vectors of the uppermost layers alone, over the forward pass on the same rows (0 layers). Nothing is differentiated below the lowest vector.',
    unit: 'layers trained',
    logarithmic: false,
    logarithmicTime: false,
    floor: 'the ratio of the operations of the shapes',
    finding(rows) {
      const last = rows.at(-1);
      if (last?.ratio_to_forward === undefined || last.value === 0) return undefined;
      return [
        times(last.ratio_to_forward),
        `the forward pass with ${plural(last.value as number, 'layer')} trained, floor ${times(last.floor as number)}`,
      ];
    },
  },
};
