import { table } from '../src/cli/output.ts';
import type { Row } from './row.ts';

/** Rows as a table for people, with a line under it for the words that a reader may not know. */
export function rowsTable(rows: readonly Row[]): string {
  const number = (value: number | null | undefined, digits = 3) =>
    value === null || value === undefined ? '' : value === 0 ? '0' : Number(value.toPrecision(digits)).toString();
  const text = table(
    ['name', 'shape', 'dtype', 'impl', 'ms', 'quartiles', 'GFLOP/s', 'GB/s', 'roof', 'n', ''],
    rows.map((row) => [
      row.name,
      row.shape,
      row.dtype,
      row.impl,
      number(row.ms),
      row.ms === null ? '' : `${number(row.p25)} to ${number(row.p75)}`,
      number(row.gflops),
      number(row.gbps),
      row.roofline === null ? '' : `${(100 * row.roofline).toFixed(0)} %`,
      row.repeats ?? '',
      remark(row),
    ]),
  );
  const legend = [
    ['roof', 'share of what the measured roofline allows', rows.some((row) => row.roofline !== null)],
    ['n', 'times measured', rows.some((row) => row.repeats !== undefined)],
    [
      'floor',
      'the least ratio that the operations of the shapes allow',
      rows.some((row) => /\bfloor\b/.test(remark(row))),
    ],
    ['product rate', 'the same products alone, in turns', rows.some((row) => row.product_share !== undefined)],
  ] as const;
  const said = legend.filter(([, , occurs]) => occurs).map(([word, meaning]) => `${word}: ${meaning}`);
  return said.length > 0 ? `${text}\n${said.join('; ')}` : text;
}

function remark(row: Row): string {
  const parts = [];
  if (row.skipped) parts.push(`skipped: ${row.skipped}`);
  if (row.tokens_per_second !== undefined) parts.push(`${Math.round(row.tokens_per_second)} tokens/s`);
  if (row.record_us_per_dispatch !== undefined && row.record_share !== undefined)
    parts.push(
      `${row.record_us_per_dispatch.toFixed(1)} us a dispatch, ${(100 * row.record_share).toFixed(1)} % of the time`,
    );
  if (row.ratio_to_forward !== undefined) parts.push(`${row.ratio_to_forward.toFixed(2)} x forward`);
  if (row.floor !== undefined) parts.push(`floor ${row.floor.toFixed(2)}`);
  if (row.product_share !== undefined) parts.push(productShare(row));
  if (row.speedup !== undefined) parts.push(`${row.speedup.toFixed(2)} x the fastest peer`);
  if (row.speedup_javascript !== undefined && row.speedup_javascript !== row.speedup)
    parts.push(`${row.speedup_javascript.toFixed(2)} x the fastest in JavaScript`);
  if (row.note) parts.push(row.note);
  return parts.join('; ');
}

function productShare({ product_share, product_share_p25, product_share_p75 }: Row): string {
  const [median, low, high] = [product_share, product_share_p25, product_share_p75].map((share = Number.NaN) =>
    (100 * share).toFixed(0),
  );
  return `${median} % of the product rate (${low} to ${high})`;
}
