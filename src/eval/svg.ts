import { percent, points, signed } from './figures.ts';

/** Text for HTML and SVG, in content and in attributes; control characters that XML forbids are dropped. */
export function escapeText(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

export type Point = readonly [x: number, y: number];

export interface Series {
  label: string;
  points: readonly Point[];
  /**
   * `main`: the line to read; `raw`: thin and pale behind it; `many`: one of several, coloured by `shade` from 0 to 1; `control`: what
   * the line to read is held against.
   */
  tone: 'main' | 'raw' | 'many' | 'control';
  shade?: number;
  /** Lower and upper ends of an interval at each point, shaded behind the line. */
  band?: readonly (readonly [lo: number, hi: number])[];
  /** The same as a bar through a dot at each point. */
  bars?: readonly (readonly [lo: number, hi: number])[];
  /** Something that was computed and not measured. */
  dashed?: boolean;
}

interface ChartOptions {
  width: number;
  height: number;
  /** Read out by screen readers, and the picture's title. */
  title: string;
  format: (value: number) => string;
  /** Smallest range of the vertical axis. */
  include?: readonly number[];
  /** Names of the lines at their ends. */
  endLabels?: boolean;
  /** What the horizontal axis counts, and how its values are written. Default: `step`, as they are. */
  xName?: string;
  xFormat?: (value: number) => string;
  /** Where the axes have their marks; default: round numbers. The vertical one begins and ends at a mark. */
  xTicks?: readonly number[];
  yTicks?: readonly number[];
}

/** Lines that have their name at their end, and not their last value. */
function isNamed({ tone }: Series): boolean {
  return tone === 'many' || tone === 'control';
}

/** Colours and strokes of the charts; the page or the standalone picture gives the variables. */
export const CHART_STYLE = `
.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1;opacity:.55}
.tick{fill:var(--soft);font:11px var(--sans);font-variant-numeric:tabular-nums}
.main{fill:none;stroke:var(--after);stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
.raw{fill:none;stroke:var(--after);stroke-width:1;opacity:.45;stroke-linejoin:round}
.many{fill:none;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}
.wash{fill:var(--after);opacity:.07}
.band{opacity:.14}
.dashed{stroke-dasharray:5 5}.dot{stroke:var(--card);stroke-width:1.5}.bar{fill:none;stroke-width:1.5;stroke-linecap:round}
.end{fill:var(--after);stroke:var(--card);stroke-width:2}
.endlabel{font:600 12px var(--sans);fill:var(--ink);font-variant-numeric:tabular-nums}
.hit{fill:transparent}.hit:hover{fill:var(--ink);opacity:.06}
.before{fill:var(--before)}.after{fill:var(--after)}.control{fill:none;stroke:var(--before);stroke-width:1.25;stroke-dasharray:3 2.5}
.whisker{stroke:var(--ink);stroke-width:1.5;stroke-linecap:round}
.rowlabel{fill:var(--soft);font:12px var(--sans)}.group{fill:var(--ink);font:600 13px var(--sans);paint-order:stroke;stroke:var(--card);stroke-width:6px}
.value{fill:var(--ink);font:600 13px var(--sans);font-variant-numeric:tabular-nums}
.interval{fill:var(--soft);font:11px var(--sans);font-variant-numeric:tabular-nums}
`;

/** Variables of both themes. */
export const THEME = `
:root{--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--paper:#eef2f5;--card:#fff;--ink:#13202f;--soft:#5d6b7c;--line:#dfe5eb;--before:#9dabbb;--after:#d9481c;--low:#2a6f97;--good:#137a4f;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--paper:#0a1119;--card:#111b27;--ink:#e6edf5;--soft:#8e9db0;--line:#223044;--before:#5f7086;--after:#ff7847;--low:#61b3e0;--good:#4cc38a;--bad:#ff8a80}}
`;

const round = (value: number) => Number(value.toFixed(1));

/** Round numbers over a range, about `count` of them, at steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((multiple) => multiple * power >= raw * 0.999) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function range(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!(low <= high)) return [0, 1];
  return low === high ? [low - (Math.abs(low) * 0.1 || 1), high + (Math.abs(high) * 0.1 || 1)] : [low, high];
}

/** Moves labels apart to a smallest distance, keeping their order. */
function spread(positions: readonly number[], gap: number, low: number, high: number): number[] {
  const order = positions.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y);
  for (const [k, label] of order.entries()) label.y = Math.max(label.y, k === 0 ? low : (order[k - 1]?.y ?? low) + gap);
  for (let k = order.length - 1; k >= 0; k -= 1) {
    const label = order[k] as { y: number; i: number };
    label.y = Math.min(label.y, k === order.length - 1 ? high : (order[k + 1]?.y ?? high) - gap);
  }
  const out = [...positions];
  for (const { y, i } of order) out[i] = y;
  return out;
}

/** A colour between the theme's two ends of a scale. */
export function shadeColour(shade: number): string {
  return `color-mix(in oklch,var(--after) ${Math.round(shade * 100)}%,var(--low))`;
}

/**
 * A line chart as one `<svg>` element, styled by CHART_STYLE and THEME. Values that are not finite leave a gap out; a chart
 * without any says so. `data-plot` has where the axes lie, for a crosshair: left, right, top, bottom in the picture's units, and the
 * values at them.
 */
export function lineChart(series: readonly Series[], options: ChartOptions): string {
  const { width, height, title, format, xName = 'step', xFormat = String } = options;
  const clean = series.map((line) => ({
    ...line,
    points: line.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const all = clean.flatMap((line) => line.points);
  const open = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(title)}" xmlns="http://www.w3.org/2000/svg">`;
  if (all.length === 0)
    return `${open}<text class="tick" x="${width / 2}" y="${height / 2}" text-anchor="middle">no values</text></svg>`;

  const [x0, x1] = range(all.map(([x]) => x));
  const [low, high] = range([...all.map(([, y]) => y), ...(options.include ?? [])]);
  const yTicks = ticks(low, high, Math.max(2, Math.floor(height / 46)));
  const step = (yTicks[1] ?? high) - (yTicks[0] ?? low) || high - low;
  const [y0, y1] = options.yTicks
    ? range(options.yTicks)
    : [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
  const labels = options.yTicks ?? ticks(y0, y1, Math.round((y1 - y0) / step));
  const left = 10 + 6.4 * Math.max(...labels.map((value) => format(value).length));
  const ends = clean.filter((line) => line.tone !== 'raw' && line.points.length > 0);
  const endTexts = ends.map((line) => (isNamed(line) ? line.label : format(line.points.at(-1)?.[1] ?? 0)));
  const right = 16 + (options.endLabels === false ? 0 : 7 * Math.max(0, ...endTexts.map((text) => text.length)));
  const [top, bottom] = [10, height - 24];
  const px = (x: number) => round(left + ((x - x0) / (x1 - x0)) * (width - left - right));
  const py = (y: number) => round(bottom - ((y - y0) / (y1 - y0)) * (bottom - top));

  const grid = labels.map((value) => {
    const y = py(value);
    const kind = value === 0 ? 'axis' : 'grid';
    return `<line class="${kind}" x1="${round(left)}" x2="${round(width - right)}" y1="${y}" y2="${y}"/><text class="tick" x="${round(left - 8)}" y="${y + 4}" text-anchor="end">${escapeText(format(value))}</text>`;
  });
  const steps =
    options.xTicks ?? ticks(x0, x1, Math.max(2, Math.floor(width / 110))).filter((x) => Number.isInteger(x) && x >= 0);
  const below = steps.map(
    (x) => `<text class="tick" x="${px(x)}" y="${height - 6}" text-anchor="middle">${escapeText(xFormat(x))}</text>`,
  );
  const lines = clean.map((line) => {
    const path = line.points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${px(x)} ${py(y)}`).join('');
    const colour = line.tone === 'many' ? ` style="stroke:${shadeColour(line.shade ?? 0)}"` : '';
    const wash = line.band
      ? bandAround(line, px, py)
      : line.tone === 'main' && line.points.length > 1
        ? washUnder(path, line.points, px, py, Math.max(y0, Math.min(0, y1)))
        : '';
    const dashes = line.dashed ? ' dashed' : '';
    return `${wash}<path class="${line.tone}${dashes}"${colour} d="${path}"><title>${escapeText(line.label)}</title></path>`;
  });
  const endYs = spread(
    ends.map((line) => py(line.points.at(-1)?.[1] ?? 0)),
    13,
    top + 2,
    bottom,
  );
  const marks = ends.map((line, i) => {
    const [x, y] = line.points.at(-1) as Point;
    const fill = line.tone === 'control' ? 'var(--soft)' : shadeColour(line.shade ?? 0);
    const colour = isNamed(line) ? ` style="fill:${fill}"` : '';
    const text =
      options.endLabels === false
        ? ''
        : `<text class="endlabel" x="${px(x) + 9}" y="${round((endYs[i] as number) + 4)}"${colour}>${escapeText(endTexts[i] as string)}</text>`;
    if (line.dashed) return text;
    if (line.bars) return barsAt(line, px, py) + text;
    return `<circle class="end" cx="${px(x)}" cy="${py(y)}" r="4"${colour}/>${text}`;
  });
  const plot = [left, width - right, top, bottom, x0, x1, y1, y0].join(' ');
  return `${open.slice(0, -1)} data-plot="${plot}">${grid.join('')}${below.join('')}${lines.join('')}${marks.join('')}${hits(clean, px, top, bottom, { format, xName, xFormat })}</svg>`;
}

function washUnder(
  path: string,
  points: readonly Point[],
  px: (x: number) => number,
  py: (y: number) => number,
  base: number,
): string {
  const [first, last] = [points[0] as Point, points.at(-1) as Point];
  return `<path class="wash" d="${path}L${px(last[0])} ${py(base)}L${px(first[0])} ${py(base)}Z"/>`;
}

function bandAround(
  { points, band = [], shade = 0 }: Series,
  px: (x: number) => number,
  py: (y: number) => number,
): string {
  const corner = (i: number, end: 0 | 1) => `${px(points[i]?.[0] ?? 0)} ${py(band[i]?.[end] ?? 0)}`;
  const upper = points.map((_, i) => corner(i, 1));
  const lower = points.map((_, i) => corner(i, 0)).reverse();
  return `<path class="band" style="fill:${shadeColour(shade)}" d="M${[...upper, ...lower].join('L')}Z"/>`;
}

/** A dot at each point, and a bar with short ends through it. */
function barsAt(
  { points, bars = [], shade = 0 }: Series,
  px: (x: number) => number,
  py: (y: number) => number,
): string {
  const colour = shadeColour(shade);
  return points
    .map(([x, y], i) => {
      const [lo, hi] = bars[i] ?? [y, y];
      const [at, top, bottom] = [px(x), py(hi), py(lo)];
      const ends = `M${at - 4} ${top}h8M${at - 4} ${bottom}h8`;
      return `<path class="bar" style="stroke:${colour}" d="M${at} ${top}V${bottom}${bottom - top > 2 ? ends : ''}"/><circle class="dot" style="fill:${colour}" cx="${at}" cy="${py(y)}" r="4"/>`;
    })
    .join('');
}

/** Invisible columns that show the values at a step when pointed at. */
function hits(
  series: readonly Series[],
  px: (x: number) => number,
  top: number,
  bottom: number,
  { format, xName, xFormat }: { format: (value: number) => string; xName: string; xFormat: (value: number) => string },
): string {
  const xs = [...new Set(series.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
  if (xs.length < 2 || xs.length > 400) return '';
  const half = (px(xs[1] as number) - px(xs[0] as number)) / 2;
  const [left, right] = [px(xs[0] as number), px(xs.at(-1) as number)];
  return xs
    .map((x) => {
      const values = series.flatMap((line) =>
        line.points.filter(([at]) => at === x).map(([, y]) => `${line.label} ${format(y)}`),
      );
      const start = Math.max(left, px(x) - half);
      const width = Math.min(right, px(x) + half) - start;
      return `<rect class="hit" x="${round(start)}" y="${top}" width="${round(width)}" height="${bottom - top}"><title>${escapeText(`${xName} ${xFormat(x)}\n${values.join('\n')}`)}</title></rect>`;
    })
    .join('');
}

/** One bar of `intervalBars`: shares from 0 to 1. */
export interface IntervalBar {
  label: string;
  kind: 'before' | 'after' | 'control';
  accuracy: number;
  lo: number;
  hi: number;
}

/** Groups of horizontal bars from 0 to 100 % with whiskers for their 95 % intervals, values written at the right. */
export function intervalBars(
  groups: readonly { name: string; bars: readonly IntervalBar[] }[],
  width: number,
  title: string,
): string {
  const [left, right, barHeight, rowHeight, headHeight] = [118, 150, 16, 27, 30];
  const scale = width - left - right;
  const px = (share: number) => round(left + share * scale);
  let y = 0;
  const parts: string[] = [];
  for (const group of groups) {
    parts.push(`<text class="group" x="0" y="${y + 19}">${escapeText(group.name)}</text>`);
    y += headHeight;
    for (const bar of group.bars) {
      const middle = y + barHeight / 2;
      const [lo, hi] = [px(bar.lo), px(bar.hi)];
      parts.push(
        `<text class="rowlabel" x="0" y="${middle + 4}">${escapeText(bar.label)}</text>`,
        `<rect class="${bar.kind}" x="${left}" y="${y}" width="${round(Math.max(1, bar.accuracy * scale))}" height="${barHeight}" rx="2"/>`,
        `<path class="whisker" d="M${lo} ${middle}H${hi}M${lo} ${middle - 4}V${middle + 4}M${hi} ${middle - 4}V${middle + 4}"/>`,
        `<text class="value" x="${width - right + 16}" y="${middle + 4.5}">${percent(bar.accuracy)}</text>`,
        `<text class="interval" x="${width}" y="${middle + 4.5}" text-anchor="end">${points(bar.lo)} – ${points(bar.hi)}</text>`,
      );
      y += rowHeight;
    }
    y += 8;
  }
  const rules = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line class="grid" x1="${px(share)}" x2="${px(share)}" y1="${headHeight - 6}" y2="${y - 6}"/><text class="tick" x="${px(share)}" y="${y + 9}" text-anchor="middle">${share * 100}${share === 1 ? ' %' : ''}</text>`,
  );
  return `<svg viewBox="0 0 ${width} ${y + 14}" role="img" aria-label="${escapeText(title)}" xmlns="http://www.w3.org/2000/svg">${rules.join('')}${parts.join('')}</svg>`;
}

/** Moving average that starts without bias (Kingma and Ba's correction): the last `window` values weigh most. */
export function smooth(values: readonly number[], window: number): number[] {
  const keep = 1 - 2 / (Math.max(1, window) + 1);
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (Number.isFinite(value)) [sum, weight] = [sum * keep + value, weight * keep + 1];
    return weight > 0 ? sum / weight : Number.NaN;
  });
}

/** The rewards of a run and their moving average as the two lines of a chart. */
export function rewardSeries(rows: readonly { step: number; reward: number }[]): Series[] {
  const window = Math.max(3, Math.round(rows.length / 8));
  const smoothed = smooth(
    rows.map((row) => row.reward),
    window,
  );
  return [
    { label: 'reward', tone: 'raw', points: rows.map((row): Point => [row.step, row.reward]) },
    { label: 'moving average', tone: 'main', points: rows.map((row, i): Point => [row.step, smoothed[i] as number]) },
  ];
}

/**
 * A chart as a picture that stands by itself and follows the reader's light or dark theme, as for a README.
 * @param chart draws an `<svg>` of the size that is left for it
 */
export function picture(
  frame: { title: string; subtitle?: string | undefined; height: number; xName: string },
  chart: (width: number, height: number) => string,
): string {
  const { title, subtitle, height, xName } = frame;
  const [width, head] = [840, subtitle === undefined ? 64 : 76];
  const [innerWidth, innerHeight] = [width - 48, height - head - 26];
  const place = `<svg x="24" y="${head}" width="${innerWidth}" height="${innerHeight}" `;
  const below =
    subtitle === undefined
      ? ''
      : `<text x="28" y="60" style="font:13px var(--sans);fill:var(--soft)">${escapeText(subtitle)}</text>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(title)}">` +
    `<style>${THEME}${CHART_STYLE}</style><rect width="${width}" height="${height}" rx="12" style="fill:var(--card);stroke:var(--line)"/>` +
    `<text x="28" y="38" style="font:600 18px var(--sans);fill:var(--ink)">${escapeText(title)}</text>${below}` +
    `${chart(innerWidth, innerHeight).replace('<svg ', place)}<text class="tick" x="${width - 28}" y="${height - 12}" text-anchor="end">${escapeText(xName)}</text></svg>\n`
  );
}

/** The picture of a reward curve. */
export function rewardCurveSvg(
  rows: readonly { step: number; reward: number }[],
  { title, subtitle }: { title: string; subtitle?: string } = { title: 'Reward' },
): string {
  return picture({ title, subtitle, height: 360, xName: 'step' }, (width, height) =>
    lineChart(rewardSeries(rows), { width, height, title, format: signed }),
  );
}
