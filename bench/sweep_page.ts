import { significant } from '../src/eval/figures.ts';
import { card, htmlPage } from '../src/eval/page.ts';
import { escapeText, lineChart, type Series, shadeColour, ticks } from '../src/eval/svg.ts';
import type { Environment } from './environment.ts';
import type { Row } from './row.ts';
import { SWEEP_NAMES } from './sweep.ts';
import type { SweepName } from './sweep_points.ts';
import { type SweepView, VIEWS } from './sweep_views.ts';

export interface SweepPage {
  readonly environment: Environment;
  readonly model: string;
  /** All rows of a run; those of sweeps are shown. */
  readonly rows: readonly Row[];
}

/** Sizes of a chart: half of a wide page, and a telephone. */
const SIZES = { broad: [490, 270], narrow: [310, 230] } as const;

type Measured = Row & Required<Pick<Row, 'line' | 'value' | 'median' | 'p25' | 'p75'>>;

interface Plot {
  readonly name: string;
  readonly of: string;
  readonly value: (row: Measured) => number;
  readonly bar: (row: Measured) => readonly [number, number];
  /** Drawn dashed beside each line. */
  readonly floor?: (row: Measured) => number;
  readonly logarithmic?: boolean;
}

/** One self-contained page: for each sweep its plots, what they say, and all the figures; then what was measured on. */
export function sweepPage({ environment, model, rows }: SweepPage): string {
  const names = SWEEP_NAMES.filter((name) => rows.some((row) => row.name === `sweep_${name}`));
  const toggles = environment.toggles.length > 0 ? ` with ${environment.toggles.join(', ')}` : '';
  return htmlPage({
    title: `Sweeps · ${model}`,
    masthead: `${model} · ${environment.adapter}`,
    heading: 'What a pass costs',
    lede:
      `Time and tokens a second of ${model} on ${environment.adapter}${toggles}. All values of one plot were measured in turns; ` +
      'dots are medians, bars reach from the lower quartile to the upper.',
    body: names.map((name) => sweepCard(name, rows)).join('') + environmentCard(environment, model),
  });
}

function sweepCard(name: SweepName, all: readonly Row[]): string {
  const view = VIEWS[name];
  const rows = all.filter((row) => row.name === `sweep_${name}`);
  const measured = rows.filter((row): row is Measured => row.ms !== null);
  const lines = [...new Set(rows.map((row) => row.line as string))];
  const plots = (measured.length > 0 ? plotsOf(view, measured) : []).map(
    (plot) =>
      `<figure><h3>${plot.name} <span>${plot.of}</span></h3>` +
      Object.entries(SIZES)
        .map(([size, [width, height]]) => {
          const svg = chart(view, plot, measured, lines, width, height);
          return `<div class="${size}">${svg}</div>`;
        })
        .join('') +
      '</figure>',
  );
  const finding = measured.length > 0 ? view.finding(measured) : undefined;
  return card(
    view.title,
    view.text,
    (finding ? `<p class="finding"><b>${escapeText(finding[0])}</b> ${escapeText(finding[1])}</p>` : '') +
      (plots.length > 0 ? `${legend(lines, view)}<div class="two">${plots.join('')}</div>` : '') +
      `${leftOut(rows)}${figures(view, rows)}`,
  );
}

function plotsOf(view: SweepView, measured: readonly Measured[]): Plot[] {
  const time: Plot = {
    name: 'Milliseconds',
    of: `of a pass, by ${view.unit}`,
    value: (row) => row.median,
    bar: (row) => [row.p25, row.p75],
    logarithmic: view.logarithmicTime,
  };
  const rate: Plot = {
    name: 'Tokens a second',
    of: `by ${view.unit}`,
    value: (row) => row.tokens_per_second as number,
    bar: (row) => {
      const tokens = (row.tokens_per_second as number) * row.median;
      return [tokens / row.p75, tokens / row.p25];
    },
  };
  if (!measured.some((row) => row.floor !== undefined)) return [time, rate];
  const ratio: Plot = {
    name: 'Times the forward pass',
    of: `by ${view.unit}`,
    value: (row) => row.ratio_to_forward as number,
    bar: (row) => {
      const forward = row.median / (row.ratio_to_forward as number);
      return [row.p25 / forward, row.p75 / forward];
    },
    floor: (row) => row.floor as number,
  };
  return [ratio, time];
}

function shadeOf(line: number, count: number): number {
  return count > 1 ? line / (count - 1) : 1;
}

function chart(
  view: SweepView,
  plot: Plot,
  measured: readonly Measured[],
  lines: readonly string[],
  width: number,
  height: number,
): string {
  const x = view.logarithmic ? Math.log2 : (value: number) => value;
  const y = plot.logarithmic ? Math.log10 : (value: number) => value;
  const values = [...new Set(measured.map((row) => row.value))].sort((a, b) => a - b);
  const series = lines.map((line, i): Series => {
    const rows = measured.filter((row) => row.line === line);
    return {
      label: line,
      tone: 'many',
      shade: shadeOf(i, lines.length),
      points: rows.map((row) => [x(row.value), y(plot.value(row))]),
      bars: rows.map((row) => plot.bar(row).map(y) as [number, number]),
    };
  });
  const { floor } = plot;
  if (floor) {
    const points = measured.map((row) => [x(row.value), floor(row)] as const);
    series.push({ label: 'floor', tone: 'many', shade: 0, dashed: true, points });
  }
  const ends = measured.flatMap((row) => plot.bar(row));
  const format = (value: number) => count(plot.logarithmic ? 10 ** value : value);
  return lineChart(series, {
    width,
    height,
    title: `${plot.name} ${plot.of}`,
    format,
    include: [0, ...ends.map(y)],
    ...(plot.logarithmic && { yTicks: decades(Math.min(...ends), Math.max(...ends)).map(y) }),
    endLabels: false,
    xName: view.unit,
    xFormat: (at) => whole(view.logarithmic ? Math.round(2 ** at) : at),
    xTicks: values.map(x),
  });
}

/** 1, 2 and 5 times powers of ten around a range, or the powers alone where it is wide. */
function decades(low: number, high: number): number[] {
  const powers = ticks(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)), 100).filter(Number.isInteger);
  const every = powers.flatMap((power) => [1, 2, 5].map((multiple) => multiple * 10 ** power));
  const marks = high / low > 500 ? every.filter((mark) => Number.isInteger(Math.log10(mark))) : every;
  const first = marks.findLastIndex((mark) => mark <= low * 1.001);
  const last = marks.findIndex((mark) => mark >= high * 0.999);
  return marks.slice(Math.max(0, first), last < 0 ? undefined : last + 1);
}

function whole(value: number): string {
  return value.toLocaleString('en-US');
}

function count(value: number): string {
  return whole(Number(value.toPrecision(3)));
}

function legend(lines: readonly string[], view: SweepView): string {
  const names = lines.map((line, i) => {
    const colour = shadeColour(shadeOf(i, lines.length));
    return `<span><i style="border-color:${colour}"></i>${escapeText(line)}</span>`;
  });
  if (view.floor) names.push(`<span><i class="dashes" style="border-color:${shadeColour(0)}"></i>${view.floor}</span>`);
  return names.length > 1 ? `<div class="legend">${names.join('')}</div>` : '';
}

function leftOut(rows: readonly Row[]): string {
  const skipped = rows.filter((row) => row.skipped);
  if (skipped.length === 0) return '';
  const list = skipped.map((row) => `${row.line} at ${whole(row.value as number)}: ${row.skipped}`);
  return `<p class="note">Left out: ${escapeText(list.join('; '))}.</p>`;
}

function figures(view: SweepView, rows: readonly Row[]): string {
  const number = (value: number | null | undefined) =>
    value === null || value === undefined ? '' : significant(value);
  const withRatio = rows.some((row) => row.floor !== undefined);
  const head = [view.unit, '', 'ms', 'quartiles', 'tokens/s', ...(withRatio ? ['× forward', 'floor'] : []), 'repeats'];
  const body = rows.map((row) => [
    String(row.value),
    row.line ?? '',
    number(row.median),
    row.ms === null ? '' : `${number(row.p25)} to ${number(row.p75)}`,
    row.tokens_per_second === undefined ? '' : count(row.tokens_per_second),
    ...(withRatio ? [row.ratio_to_forward?.toFixed(2) ?? '', row.floor?.toFixed(2) ?? ''] : []),
    String(row.repeats ?? ''),
  ]);
  const cells = (values: readonly string[], tag: string) =>
    `<tr>${values.map((value) => `<${tag}>${escapeText(value)}</${tag}>`).join('')}</tr>`;
  return (
    `<details><summary>All figures</summary><div class="lens"><table><thead>${cells(head, 'th')}</thead>` +
    `<tbody>${body.map((row) => cells(row, 'td')).join('')}</tbody></table></div></details>`
  );
}

function environmentCard({ packages, ...environment }: Environment, model: string): string {
  const fields: [string, string][] = [
    ['model', model],
    ['adapter', environment.adapter],
    ['Dawn toggles', environment.toggles.join(', ') || 'none'],
    ['tuning', environment.tuning?.file ?? 'none'],
    ['load before', String(environment.load)],
    ['trimtab', environment.trimtab],
    ['date', environment.date],
    ['Node', environment.node],
    ['system', environment.system],
    ['processor', environment.cpu],
    ['memory', `${environment.memoryGiB} GiB`],
    ...Object.entries(packages),
  ];
  const list = fields.map(([name, value]) => `<div><dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd></div>`);
  return card(
    'Measured on',
    'trimtab is named by its commit, with + where files differed from it; webgpu is Dawn.',
    `<dl class="fields">${list.join('')}</dl>`,
  );
}
