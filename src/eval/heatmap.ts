import { escapeText } from './svg.ts';

interface HeatmapOptions {
  readonly title: string;
  /** Names of the rows, and of the columns: texts of others, such as tokens. */
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly format: (value: number) => string;
  /** Columns' names are written upright above them, or aslant where they are words. */
  readonly slant?: boolean;
}

const CELL = { width: 38, height: 22 };

/**
 * A heat map as one `<svg>` element, styled by CHART_STYLE and THEME: values above 0 in the colour of `--after`, below 0 in
 * that of `--low`, as strong as they are large beside the largest.
 *
 * @param values [rows, columns]; what is not finite stays empty
 */
export function heatmap(values: readonly (readonly number[])[], options: HeatmapOptions): string {
  const { title, rows, columns, format, slant = false } = options;
  const largest = Math.max(Number.MIN_VALUE, ...values.flat().filter(Number.isFinite).map(Math.abs));
  const left = 14 + 7 * Math.max(0, ...rows.map((row) => [...row].length));
  const top = slant ? 18 + 5.5 * Math.max(0, ...columns.map((name) => [...name].length)) : 24;
  const width = left + CELL.width * columns.length + (slant ? 60 : 4);
  const height = top + CELL.height * rows.length + 4;
  const heads = columns.map((name, j) => {
    const [x, y] = [left + CELL.width * (j + 0.5), top - 8];
    const turn = slant ? ` transform="rotate(-42 ${x} ${y})"` : ' text-anchor="middle"';
    return `<text class="tick" x="${x}" y="${y}"${turn}>${escapeText(name)}</text>`;
  });
  const lines = rows.map((name, i) => {
    const y = top + CELL.height * i;
    const cells = (values[i] ?? []).map((value, j) => {
      if (!Number.isFinite(value)) return '';
      const share = Math.round((100 * Math.abs(value)) / largest);
      const colour = `color-mix(in oklab,var(${value < 0 ? '--low' : '--after'}) ${share}%,transparent)`;
      const label = escapeText(`${name} ${columns[j] ?? ''}: ${format(value)}`);
      return `<rect x="${left + CELL.width * j}" y="${y}" width="${CELL.width - 1.5}" height="${CELL.height - 1.5}" rx="2" style="fill:${colour}"><title>${label}</title></rect>`;
    });
    return `<text class="tick" x="${left - 8}" y="${y + 15}" text-anchor="end">${escapeText(name)}</text>${cells.join('')}`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" aria-label="${escapeText(title)}" xmlns="http://www.w3.org/2000/svg">${heads.join('')}${lines.join('')}</svg>`;
}
