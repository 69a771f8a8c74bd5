import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Row } from '../../../bench/row.ts';
import { significant } from './figures.ts';
import { ratioOf, rowKey } from './results.ts';

interface Column {
  readonly head: string;
  readonly number?: boolean;
  /** What the rows are sorted by. */
  readonly value: (row: Row) => string | number | null | undefined;
  readonly cell: (row: Row) => ComponentChildren;
}

const text = (head: string, value: (row: Row) => string): Column => ({ head, value, cell: value });
const figure = (head: string, value: (row: Row) => number | null | undefined): Column => {
  return { head, number: true, value, cell: (row) => significant(value(row)) };
};

const COLUMNS: readonly Column[] = [
  text('Kernel', ({ name }) => name),
  text('Shape', ({ shape }) => shape),
  text('dtype', ({ dtype }) => dtype),
  {
    ...text('Variant', ({ variant }) => variant ?? ''),
    cell: ({ variant, name }) => (variant === name ? '' : variant),
  },
  figure('ms', ({ ms }) => ms),
  {
    head: 'Quartiles',
    number: true,
    value: ({ p25 }) => p25,
    cell: ({ p25, p75 }) => (p25 === undefined ? '' : `${significant(p25)} to ${significant(p75)}`),
  },
  figure('GFLOP/s', ({ gflops }) => gflops),
  figure('GB/s', ({ gbps }) => gbps),
  {
    head: 'Roofline',
    number: true,
    value: ({ roofline }) => roofline,
    cell: ({ roofline }) => (roofline === null ? '' : `${(100 * roofline).toFixed(0)} %`),
  },
  {
    head: 'Error',
    number: true,
    value: ({ error }) => error,
    cell: ({ error }) => (error === undefined ? 'not checked' : error.toExponential(0)),
  },
];

interface RowsTableProps {
  readonly rows: readonly Row[];
  /** The run that they are compared with. */
  readonly before: readonly Row[] | undefined;
  readonly shown: string | undefined;
  readonly onShow: (key: string) => void;
}

/** The rows by any of their figures. */
export function RowsTable({ rows, before, shown, onShow }: RowsTableProps) {
  const [order, setOrder] = useState<{ readonly head: string; readonly down: boolean }>();
  const columns = before ? [...COLUMNS, ratioColumn(before)] : COLUMNS;
  const by = columns.find(({ head }) => head === order?.head);
  const sorted = by ? rows.toSorted((a, b) => compare(by.value(a), by.value(b)) * (order?.down ? -1 : 1)) : rows;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="scroll bench-rows" aria-label="Rows" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ head, number }) => (
              <th
                key={head}
                scope="col"
                class={number ? 'number' : undefined}
                aria-sort={order?.head === head ? (order.down ? 'descending' : 'ascending') : undefined}
              >
                <button type="button" onClick={() => setOrder({ head, down: order?.head === head && !order.down })}>
                  {head}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={rowKey(row)} data-shown={rowKey(row) === shown} onPointerEnter={() => onShow(rowKey(row))}>
              {row.ms === null ? <Skipped row={row} columns={columns.length} /> : <Cells row={row} columns={columns} />}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cells({ row, columns }: { readonly row: Row; readonly columns: readonly Column[] }) {
  return (
    <>
      {columns.map(({ head, number, cell }, i) =>
        i === 0 ? (
          <th key={head} scope="row">
            <code>{cell(row)}</code>
          </th>
        ) : (
          <td key={head} class={number ? 'number' : undefined}>
            {cell(row)}
          </td>
        ),
      )}
    </>
  );
}

function Skipped({ row, columns }: { readonly row: Row; readonly columns: number }) {
  return (
    <>
      <th scope="row">
        <code>{row.name}</code>
      </th>
      <td>{row.shape}</td>
      <td colSpan={columns - 2} class="skipped">
        {row.skipped}
      </td>
    </>
  );
}

/** Time now over time then: below 1 is faster than before. Quartiles that do not reach over 1 make it a difference. */
function ratioColumn(before: readonly Row[]): Column {
  const others = new Map(before.map((row) => [rowKey(row), row]));
  const ratio = (row: Row) => ratioOf(row, others.get(rowKey(row)));
  return {
    head: 'Time over the other',
    number: true,
    value: (row) => (ratio(row)?.mixed ? undefined : ratio(row)?.median),
    cell: (row) => {
      const found = ratio(row);
      if (!found) return 'not there';
      const { median, low, high, mixed } = found;
      if (mixed)
        return (
          <span title="One was timed by the GPU, the other by the clock, which counts recording and submitting too">
            timed otherwise
          </span>
        );
      const kind = high < 1 ? 'faster' : low > 1 ? 'slower' : 'equal';
      return (
        <span class={`ratio ${kind}`}>
          <b>{median.toFixed(2)}</b> <small>{`${low.toFixed(2)} to ${high.toFixed(2)}`}</small>
        </span>
      );
    },
  };
}

/** What has no value comes first. */
function compare(a: string | number | null | undefined, b: string | number | null | undefined): number {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b);
  return (
    (typeof a === 'number' ? a : Number.NEGATIVE_INFINITY) - (typeof b === 'number' ? b : Number.NEGATIVE_INFINITY) || 0
  );
}
