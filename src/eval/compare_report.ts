import type { Comparison, Difference } from './compare.ts';
import type { Evaluation } from './evaluate.ts';
import { REPORT_STYLE } from './report_style.ts';
import type { Accuracy } from './stats.ts';
import { CHART_STYLE, escapeText, lineChart, type Series, shadeColour, THEME } from './svg.ts';

/** A measured arm as the page shows it. */
export interface ReportArm extends Pick<Evaluation, 'greedy' | 'sampled'> {
  readonly name: string;
}

export interface ComparisonReport {
  readonly title: string;
  readonly arms: readonly ReportArm[];
  readonly comparisons: readonly Comparison[];
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

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
export function curvesChart(
  arms: readonly ReportArm[],
  metric: 'pass@k' | 'maj@k',
  width: number,
  height: number,
): string {
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
  const [width, height, head] = [840, 400, 64];
  const chart = curvesChart(arms, 'pass@k', width - 48, height - head - 26);
  const inner = chart.replace('<svg ', `<svg x="24" y="${head}" width="${width - 48}" height="${height - head - 26}" `);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="pass@k">` +
    `<style>${THEME}${CHART_STYLE}</style><rect width="${width}" height="${height}" rx="12" style="fill:var(--card);stroke:var(--line)"/>` +
    `<text x="28" y="38" style="font:600 18px var(--sans);fill:var(--ink)">pass@k · ${escapeText(title)}</text>` +
    `${inner}<text class="tick" x="${width - 28}" y="${height - 12}" text-anchor="end">k</text></svg>\n`
  );
}

function cells(values: readonly string[], tag: 'td' | 'th' = 'td'): string {
  return `<tr>${values.map((value) => `<${tag}>${escapeText(value)}</${tag}>`).join('')}</tr>`;
}

function figure(accuracy: Accuracy | undefined): string {
  return accuracy
    ? `${percent(accuracy.accuracy)} (${(accuracy.lo * 100).toFixed(1)} – ${(accuracy.hi * 100).toFixed(1)})`
    : '';
}

function armsTable(arms: readonly ReportArm[]): string {
  const rows = arms.flatMap(({ name, greedy, sampled }) =>
    (
      [
        ['greedy', greedy],
        ['sampled', sampled],
      ] as const
    ).flatMap(([mode, measured]) =>
      measured
        ? [
            cells([
              name,
              mode,
              figure(measured),
              String(measured.n),
              String(measured.samples),
              measured.mean_length.toFixed(1),
              percent(measured.no_answer),
              percent(measured.truncated),
            ]),
          ]
        : [],
    ),
  );
  const head = ['', '', 'accuracy', 'problems', 'samples', 'tokens', 'no answer', 'cut off'];
  return `<div class="lens"><table><thead>${cells(head, 'th')}</thead><tbody>${rows.join('')}</tbody></table></div>`;
}

/** `+12.0 points (4.1 to 19.6)`, and McNemar's p where there is one. */
export function differenceText({ difference, lo, hi, mcnemar }: Difference): string {
  const signed = (share: number) => {
    const points = Math.abs(share * 100).toFixed(1);
    return points === '0.0' ? points : `${share < 0 ? '−' : '+'}${points}`;
  };
  const test = mcnemar
    ? `, McNemar p = ${Number(mcnemar.p.toPrecision(2))} (${mcnemar.only_first} : ${mcnemar.only_second})`
    : '';
  return `${signed(difference)} points (${signed(lo)} to ${signed(hi)})${test}`;
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

/** One HTML page that needs nothing else: the curves in one plot, the figures, the differences with their tests. */
export function comparisonPage(report: ComparisonReport): string {
  const { title, arms, comparisons } = report;
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  const legend = arms
    .map(
      ({ name }, i) =>
        `<span><i style="border-color:${shadeColour(shadeOf(i, arms.length))}"></i>${escapeText(name)}</span>`,
    )
    .join('');
  const curves = arms.some(({ sampled }) => sampled)
    ? (['pass@k', 'maj@k'] as const).map(
        (metric) =>
          `<section class="card"><header><h2>${metric}</h2><p>${metric === 'pass@k' ? 'The chance that at least one of k samples is right.' : 'The chance that the answer which most of the first k samples give is right.'} Bands are 95 % intervals.</p></header><div class="wide">${curvesChart(arms, metric, 1028, 340)}</div><div class="legend">${legend}</div></section>`,
      )
    : [];
  const tests = comparisons.map(
    (comparison) =>
      `<section class="card"><header><h2>${escapeText(comparison.second)} against ${escapeText(comparison.first)}</h2><p>Paired on ${comparison.n} problems: bootstrap over problems, 95 %; McNemar's exact test with the problems that only the one and only the other solved.</p></header><div class="lens"><table><tbody>${differenceRows(
        comparison,
      )
        .map((row) => cells(row))
        .join('')}</tbody></table></div></section>`,
  );
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<meta http-equiv="Content-Security-Policy" content="${policy}"><title>${escapeText(title)} · trimtab</title><style>${REPORT_STYLE}</style></head><body><main>` +
    `<h1>${escapeText(title)}</h1>${curves.join('')}<section class="card"><header><h2>Figures</h2><p>95 % intervals: Wilson for one sample a problem, bootstrap over problems for several.</p></header>${armsTable(arms)}</section>${tests.join('')}</main></body></html>\n`
  );
}
