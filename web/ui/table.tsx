import type { ComponentChildren } from 'preact';

interface Column<Row> {
  readonly head: string;
  /** The head is for screen readers alone. */
  readonly quiet?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the right edge, so that their digits stand under each other. */
  readonly number?: boolean;
}

interface TableProps<Row> {
  /** What it shows; `quiet`: for screen readers alone. */
  readonly caption: string;
  readonly quiet?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly id: (row: Row) => string | number;
}

/** Rows of figures. The first column names the row; what is too wide scrolls by itself, with the keyboard too. */
export function Table<Row>({ caption, quiet, columns, rows, id }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption class={quiet ? 'unseen' : undefined}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ head, number, quiet: unseen }) => (
              <th key={head} scope="col" class={number ? 'number' : undefined}>
                {unseen ? <span class="unseen">{head}</span> : head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {columns.map(({ head, cell, number }, i) =>
                i === 0 ? (
                  <th key={head} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={head} class={number ? 'number' : undefined}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
