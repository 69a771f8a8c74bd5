import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { CHART_STYLE, lineChart, type Series } from '../../../src/eval/svg.ts';

const style = new CSSStyleSheet();
style.replaceSync(CHART_STYLE);
document.adoptedStyleSheets.push(style);

/** Points of a line that are drawn: more than pixels show nothing. */
const MOST_POINTS = 400;
/** Rows of a chart's table: the last so many. */
const MOST_ROWS = 1000;

/** So far outside of the window a chart is drawn still, to be there when it is scrolled to. */
const NEARBY = '400px 0px';

interface ChartProps {
  readonly title: string;
  /** What is measured, and in what. */
  readonly note: string;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** Smallest range of the vertical axis. */
  readonly include?: readonly number[];
  readonly height?: number;
  /** Names of the lines at their ends. */
  readonly endLabels?: boolean;
  readonly class?: string;
}

/**
 * A line chart over the steps of the run, with what it shows at the step that is pointed at (arrow keys move it) and all of it as
 * a table. Drawn anew at most once a frame, and only while it can be seen.
 */
export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const at = useSignal<number | undefined>(undefined);
  const isOpen = useSignal(false);
  const latest = useRef(props);
  latest.current = props;
  const redraw = useDrawing(host, latest);
  useEffect(() => redraw(), [props.series]);

  const steps = useMemo(() => stepsOf(props.series), [props.series]);
  const place = at.value === undefined ? -1 : nearest(steps, at.value);
  const step = steps[place];
  const move = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || steps.length === 0) return;
    event.preventDefault();
    const from = place < 0 ? steps.length : place;
    at.value = steps[Math.max(0, Math.min(steps.length - 1, from + by))];
  };

  return (
    <section class={`card chart-card ${props.class ?? ''}`} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        <p class="sub">{step === undefined ? props.note : readout(step, props)}</p>
      </header>
      <div
        class="chart"
        role="slider"
        aria-label={`${props.title}, step by step`}
        aria-valuemin={steps[0] ?? 0}
        aria-valuemax={steps.at(-1) ?? 0}
        aria-valuenow={step ?? steps.at(-1) ?? 0}
        aria-valuetext={readout(step ?? steps.at(-1) ?? 0, props)}
        tabIndex={0}
        onKeyDown={move}
        onPointerMove={(event) => {
          at.value = stepAt(host.current, event);
        }}
        onPointerLeave={() => {
          at.value = undefined;
        }}
        onBlur={() => {
          at.value = undefined;
        }}
      >
        <div ref={host} style={{ minHeight: `${props.height ?? 180}px` }} />
        {step !== undefined && <Crosshair host={host.current} step={step} />}
      </div>
      <details
        class="data"
        onToggle={(event) => {
          isOpen.value = event.currentTarget.open;
        }}
      >
        <summary>Table</summary>
        <div class="scroll">{<Data open={isOpen.value} {...props} steps={steps} />}</div>
      </details>
    </section>
  );
}

/** @returns asks for a drawing in the next frame */
function useDrawing(host: { current: HTMLDivElement | null }, latest: { current: ChartProps }): () => void {
  const state = useRef({ frame: 0, isVisible: false, isStale: true });
  const draw = () => {
    const { current } = state;
    current.frame = 0;
    const element = host.current;
    const width = Math.floor(element?.clientWidth ?? 0);
    if (!element || width === 0 || !current.isVisible) return;
    current.isStale = false;
    const { series, title, format, include, endLabels, height = 180 } = latest.current;
    const svg = lineChart(series.map(thinned), {
      ...{ width, height, title, format },
      ...(include && { include }),
      ...(endLabels !== undefined && { endLabels }),
    });
    const drawn = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
    element.replaceChildren(document.importNode(drawn, true));
  };
  const redraw = () => {
    const { current } = state;
    current.isStale = true;
    if (current.frame === 0 && current.isVisible) current.frame = requestAnimationFrame(draw);
  };
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const { current } = state;
    const sizes = new ResizeObserver(redraw);
    const sight = new IntersectionObserver(
      (entries) => {
        current.isVisible = entries.at(-1)?.isIntersecting ?? false;
        if (current.isStale) redraw();
      },
      { rootMargin: NEARBY },
    );
    sizes.observe(element);
    sight.observe(element);
    return () => {
      sizes.disconnect();
      sight.disconnect();
      cancelAnimationFrame(current.frame);
    };
  }, []);
  return redraw;
}

/** What the chart shows at a step: the value itself first, without the name of its line. */
function readout(step: number, { series, format }: Pick<ChartProps, 'series' | 'format'>): string {
  const values = series.flatMap(({ label, tone, points }) => {
    const point = points.find(([x]) => x === step);
    if (!point) return [];
    return [tone === 'raw' || series.length === 1 ? format(point[1]) : `${label} ${format(point[1])}`];
  });
  return `step ${step}: ${values.join(' · ') || 'no value'}`;
}

function Crosshair({ host, step }: { host: HTMLDivElement | null; step: number }) {
  const plot = plotOf(host);
  if (!host || !plot) return null;
  const { left, right, top, bottom, x0, x1 } = plot;
  const x = left + ((step - x0) / (x1 - x0 || 1)) * (right - left);
  return <i class="crosshair" style={{ left: `${x}px`, top: `${top}px`, height: `${bottom - top}px` }} />;
}

function Data({ open, series, format, steps }: ChartProps & { open: boolean; steps: readonly number[] }) {
  if (!open) return null;
  const columns = series.map((line) => ({ label: line.label, at: new Map(line.points) }));
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">step</th>
          {columns.map(({ label }) => (
            <th scope="col" key={label}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {steps.slice(-MOST_ROWS).map((step) => (
          <tr key={step}>
            <th scope="row">{step}</th>
            {columns.map(({ label, at }) => {
              const value = at.get(step);
              return <td key={label}>{value === undefined ? '' : format(value)}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x0: number;
  readonly x1: number;
}

/** Where the drawing's axes lie, as it says itself. */
function plotOf(host: HTMLDivElement | null): Plot | undefined {
  const text = host?.firstElementChild?.getAttribute('data-plot');
  if (!text) return undefined;
  const [left, right, top, bottom, x0, x1] = text.split(' ').map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { left, right, top, bottom, x0, x1 };
}

function stepAt(host: HTMLDivElement | null, event: PointerEvent): number | undefined {
  const plot = plotOf(host);
  if (!host || !plot) return undefined;
  const x = event.clientX - host.getBoundingClientRect().left;
  return plot.x0 + ((x - plot.left) / (plot.right - plot.left)) * (plot.x1 - plot.x0);
}

function stepsOf(series: readonly Series[]): number[] {
  const all = new Set(series.filter(({ tone }) => tone !== 'control').flatMap(({ points }) => points.map(([x]) => x)));
  return [...all].sort((a, b) => a - b);
}

/** The place of the step that is nearest to a value on the horizontal axis; -1 where there are none. */
function nearest(steps: readonly number[], value: number): number {
  let best = -1;
  for (const [place, step] of steps.entries()) {
    if (best < 0 || Math.abs(step - value) < Math.abs((steps[best] as number) - value)) best = place;
  }
  return best;
}

function thinned(line: Series): Series {
  const { points } = line;
  const every = Math.ceil(points.length / MOST_POINTS);
  if (every <= 1) return line;
  return { ...line, points: points.filter((_, i) => i % every === 0 || i === points.length - 1) };
}
