import { signed } from '../../../src/eval/figures.ts';
import { CHART_STYLE, lineChart, rewardSeries, type Series } from '../../../src/eval/svg.ts';
import type { MetricsRow } from '../../../src/train/metrics.ts';

const style = new CSSStyleSheet();
style.replaceSync(CHART_STYLE);
document.adoptedStyleSheets.push(style);

/** A chart that is drawn anew, to the width of its place, whenever that or its data changes. */
class LiveChart {
  readonly #host: HTMLElement;
  readonly #draw: (width: number) => string;

  constructor(host: HTMLElement, draw: (width: number) => string) {
    this.#host = host;
    this.#draw = draw;
    new ResizeObserver(() => this.draw()).observe(host);
  }

  draw(): void {
    const width = Math.floor(this.#host.clientWidth);
    if (width === 0) return;
    const svg = new DOMParser().parseFromString(this.#draw(width), 'image/svg+xml').documentElement;
    this.#host.replaceChildren(document.importNode(svg, true));
  }
}

/** The reward and length curves of the run. @returns what draws them with one row more, and what empties them */
export function curves(reward: HTMLElement, length: HTMLElement): { add(row: MetricsRow): void; clear(): void } {
  let rows: MetricsRow[] = [];
  const charts = [
    new LiveChart(reward, (width) =>
      lineChart(rewardSeries(rows), {
        width,
        height: 240,
        title: 'Mean reward of each step',
        format: signed,
        include: [-1, 1],
      }),
    ),
    new LiveChart(length, (width) =>
      lineChart([lengthSeries(rows)], {
        width,
        height: 240,
        title: 'Mean length of the answers of each step, in tokens',
        format: (tokens) => String(Math.round(tokens)),
        include: [0],
      }),
    ),
  ];
  const draw = () => {
    for (const chart of charts) chart.draw();
  };
  return {
    add: (row) => {
      // The page counts steps from 1.
      rows.push({ ...row, step: row.step + 1 });
      draw();
    },
    clear: () => {
      rows = [];
      draw();
    },
  };
}

function lengthSeries(rows: readonly MetricsRow[]): Series {
  return { label: 'tokens', tone: 'main', points: rows.map((row) => [row.step, row['completions/mean_length']]) };
}
