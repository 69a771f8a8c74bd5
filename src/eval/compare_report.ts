import type { Comparison, Difference } from './compare.ts';
import type { Evaluation } from './evaluate.ts';
import { interval, percent, signedPoints } from './figures.ts';
import { card, htmlPage } from './page.ts';
import type { Measured } from './summary.ts';
import { escapeText, lineChart, picture, type Series, shadeColour } from './svg.ts';

/** A measured arm as the page shows it. */
export interface ReportArm extends Pick<Evaluation, 'greedy' | 'sampled'> {
  readonly name: string;
}

export interface ComparisonReport {
  readonly title: string;
  readonly arms: readonly ReportArm[];
  readonly comparisons: readonly Comparison[];
}

function curve(arm: ReportArm, metric: 'pass@k' | 'maj@k', shade: number): Series {
  const figures = Object.entries(arm.sampled?.[metric] ?? {}).map(([k, figure]) => [Number(k), figure] as const);
  return {
    label: arm.name,
    tone: 'many',
    shade,
    points: figures.map(([k, { accuracy }]) => [Math.log2(k), accuracy]),
    band: figures.map(([, { lo, hi }]) => [lo, hi]),
  };
}

function shadeOf(place: number, count: number): number {
  return count > 1 ? place / (count - 1) : 1;
}

/** The curves of all arms over k, on a logarithmic axis, with their 95 % intervals. */
function curvesChart(arms: readonly ReportArm[], metric: 'pass@k' | 'maj@k', width: number, height: number): string {
  const series = arms.map((arm, i) => curve(arm, metric, shadeOf(i, arms.length)));
  return lineChart(
    series.filter(({ points }) => points.length > 0),
    {
      width,
      height,
      title: metric,
      format: (share) => `${Math.round(share * 100)} %`,
      include: series.flatMap(({ band = [] }) => band.flat()),
      xName: 'k =',
      xFormat: (log) => String(Math.round(2 ** log)),
    },
  );
}

/** The pass@k curves alone, as a picture that stands by itself. */
export function curvesSvg({ title, arms }: ComparisonReport): string {
  return picture({ title: `pass@k · ${title}`, height: 400, xName: 'k' }, (width, height) =>
    curvesChart(arms, 'pass@k', width, height),
  );
}

function cells(values: readonly string[], tag: 'td' | 'th' = 'td'): string {
  return `<tr>${values.map((value) => `<${tag}>${escapeText(value)}</${tag}>`).join('')}</tr>`;
}

type Column = readonly [head: string, cell: (measured: Measured) => string];

/** The figures of each arm and mode, one list of columns for terminal and page; rules besides the first have columns of their own. */
export function figuresTable(arms: readonly ReportArm[]): { head: string[]; rows: string[][] } {
  const lines = arms.flatMap(({ name, ...modes }) =>
    (['greedy', 'sampled'] as const).flatMap((mode) => {
      const measured = modes[mode];
      return measured ? [{ name, mode, measured }] : [];
    }),
  );
  const rules = [...new Set(lines.flatMap(({ measured }) => Object.keys(measured.also ?? {})))];
  const columns: Column[] = [
    ['accuracy', interval],
    ...rules.map((rule): Column => [rule, ({ also }) => (also?.[rule] ? interval(also[rule]) : '')]),
    ['problems', ({ n }) => String(n)],
    ['samples', ({ samples }) => String(samples)],
    ['tokens', ({ mean_length }) => mean_length.toFixed(1)],
    ['no answer', ({ no_answer }) => percent(no_answer)],
    ['cut off', ({ truncated }) => percent(truncated)],
  ];
  return {
    head: ['', '', ...columns.map(([head]) => head)],
    rows: lines.map(({ name, mode, measured }) => [name, mode, ...columns.map(([, cell]) => cell(measured))]),
  };
}

function armsTable(arms: readonly ReportArm[]): string {
  const { head, rows } = figuresTable(arms);
  const body = rows.map((row) => cells(row)).join('');
  return `<div class="lens"><table><thead>${cells(head, 'th')}</thead><tbody>${body}</tbody></table></div>`;
}

/** `+12.0 points (+4.1 to +19.6)`, and McNemar's p where there is one. */
function differenceText({ difference, lo, hi, mcnemar }: Difference): string {
  const test = mcnemar
    ? `, McNemar p = ${Number(mcnemar.p.toPrecision(2))} (${mcnemar.only_first} : ${mcnemar.only_second})`
    : '';
  return `${signedPoints(difference)} points (${signedPoints(lo)} to ${signedPoints(hi)})${test}`;
}

/** One line for each difference: which metric, what it is. */
export function differenceRows({ greedy, sampled }: Comparison): [metric: string, text: string][] {
  const rows: [string, string][] = [];
  if (greedy) rows.push(['greedy', differenceText(greedy)]);
  if (sampled) rows.push(['sampled', differenceText(sampled)]);
  for (const metric of ['pass', 'maj'] as const) {
    for (const [k, difference] of Object.entries(sampled?.[`${metric}@k`] ?? {})) {
      if (Number(k) > 1) rows.push([`${metric}@${k}`, differenceText(difference)]);
    }
  }
  return rows;
}

const MEANING = {
  'pass@k': 'The chance that at least one of k samples is right.',
  'maj@k': 'The chance that the answer which most of the first k samples give is right.',
} as const;

/** One HTML page that needs nothing else: the curves in one plot, the figures, the differences with their tests. */
export function comparisonPage({ title, arms, comparisons }: ComparisonReport): string {
  const names = arms.map(({ name }) => name);
  const legend = names.map(
    (name, i) => `<span><i style="border-color:${shadeColour(shadeOf(i, arms.length))}"></i>${escapeText(name)}</span>`,
  );
  const curves = arms.some(({ sampled }) => sampled)
    ? (['pass@k', 'maj@k'] as const).map((metric) =>
        card(
          metric,
          `${MEANING[metric]} Bands are 95 % intervals.`,
          `<div class="wide">${curvesChart(arms, metric, 1028, 340)}</div><div class="legend">${legend.join('')}</div>`,
        ),
      )
    : [];
  const tests = comparisons.map((comparison) =>
    card(
      `${comparison.second} against ${comparison.first}`,
      `Paired on ${comparison.n} problems: bootstrap over problems, 95 %; McNemar's exact test with the problems that only the one and only the other solved.`,
      `<div class="lens"><table><tbody>${differenceRows(comparison)
        .map((row) => cells(row))
        .join('')}</tbody></table></div>`,
    ),
  );
  return htmlPage({
    title,
    masthead: names.join(' · '),
    heading: title,
    lede: `${names.join(', ')} on the same problems.`,
    body:
      curves.join('') +
      card(
        'Figures',
        '95 % intervals: Wilson for one sample a problem, bootstrap over problems for several.',
        armsTable(arms),
      ) +
      tests.join(''),
  });
}
