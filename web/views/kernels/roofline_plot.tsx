import { useEffect, useRef, useState } from 'preact/hooks';
import type { Row } from '../../../bench/row.ts';
import { significant } from './figures.ts';
import { rowKey } from './results.ts';

interface RooflineProps {
  readonly roof: { readonly gflops: number; readonly gbps: number };
  readonly rows: readonly Row[];
  /** Of the run that is compared with. */
  readonly before: readonly Row[];
  readonly shown: string | undefined;
  readonly onShow: (key: string | undefined) => void;
}

interface Dot {
  readonly row: Row;
  /** FLOP a byte. */
  readonly x: number;
  readonly y: number;
}

const HEIGHT = 340;
const [LEFT, RIGHT, TOP, BOTTOM] = [54, 16, 14, 42];

/** Rates over arithmetic intensity, both on logarithmic axes, under what the adapter reaches at best. */
export function RooflinePlot({ roof, rows, before, shown, onShow }: RooflineProps) {
  const [host, width] = useWidth();
  const dots = dotsOf(rows);
  const old = dotsOf(before);
  const ridge = roof.gflops / roof.gbps;
  const [x0, x1] = decades([...dots, ...old].map(({ x }) => x).concat(ridge / 4, ridge * 4));
  const [y0, y1] = decades([...dots, ...old].map(({ y }) => y).concat(roof.gflops * 1.2, roof.gbps * x0));
  const px = (x: number) => LEFT + ((Math.log10(x) - x0Log) / (Math.log10(x1) - x0Log)) * (width - LEFT - RIGHT);
  const x0Log = Math.log10(x0);
  const py = (y: number) => {
    const share = (Math.log10(y) - Math.log10(y0)) / (Math.log10(y1) - Math.log10(y0));
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  };
  const roofFrom = Math.max(x0, y0 / roof.gbps);
  const roofLine = `M${px(roofFrom)} ${py(roofFrom * roof.gbps)}L${px(ridge)} ${py(roof.gflops)}L${px(x1)} ${py(roof.gflops)}`;
  const active = Math.max(
    0,
    dots.findIndex(({ row }) => rowKey(row) === shown),
  );
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowRight: active + 1, ArrowLeft: active - 1, Home: 0, End: dots.length - 1 }[event.key];
    const next = to === undefined ? undefined : dots[Math.min(Math.max(to, 0), dots.length - 1)];
    if (!next) return;
    event.preventDefault();
    onShow(rowKey(next.row));
    host.current?.querySelectorAll<SVGElement>('.dot')[dots.indexOf(next)]?.focus();
  };
  return (
    <div ref={host} class="roofline">
      {/* biome-ignore lint/a11y/useSemanticElements: marks of a figure are no fields of a form */}
      <svg width={width} height={HEIGHT} role="group" aria-label="Roofline: GFLOP/s over FLOP a byte">
        {ticksOf(x0, x1).map((x) => (
          <g key={`x${x}`}>
            <line class="grid" x1={px(x)} x2={px(x)} y1={TOP} y2={HEIGHT - BOTTOM} />
            <text class="tick" x={px(x)} y={HEIGHT - BOTTOM + 16} text-anchor="middle">
              {tickText(x)}
            </text>
          </g>
        ))}
        {ticksOf(y0, y1).map((y) => (
          <g key={`y${y}`}>
            <line class="grid" x1={LEFT} x2={width - RIGHT} y1={py(y)} y2={py(y)} />
            <text class="tick" x={LEFT - 8} y={py(y) + 4} text-anchor="end">
              {tickText(y)}
            </text>
          </g>
        ))}
        <text class="tick" x={width - RIGHT} y={HEIGHT - 6} text-anchor="end">
          FLOP a byte
        </text>
        <text class="tick" x={LEFT + 6} y={TOP + 10}>
          GFLOP/s
        </text>
        <path class="roof" d={roofLine} />
        <text class="roof-label" x={width - RIGHT - 4} y={py(roof.gflops) - 7} text-anchor="end">
          {significant(roof.gflops)} GFLOP/s
        </text>
        <text class="roof-label" x={px(roofFrom) + 8} y={py(roofFrom * roof.gbps) - 14}>
          {significant(roof.gbps)} GB/s
        </text>
        {old.map(({ row, x, y }) => (
          <circle key={rowKey(row)} class="old" cx={px(x)} cy={py(y)} r={4} />
        ))}
        {dots.map(({ row, x, y }, i) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: a mark is read like a cell; one of all is in the tab order
          <circle
            key={rowKey(row)}
            class="dot"
            aria-label={describe(row)}
            tabIndex={i === active ? 0 : -1}
            data-shown={rowKey(row) === shown}
            cx={px(x)}
            cy={py(y)}
            r={rowKey(row) === shown ? 7 : 5}
            onKeyDown={onKeyDown}
            onFocus={() => onShow(rowKey(row))}
            onPointerEnter={() => onShow(rowKey(row))}
          />
        ))}
      </svg>
      <p class="roofline-said" aria-live="polite">
        {said(
          rows.find((row) => rowKey(row) === shown),
          rows.length - dots.length,
        )}
      </p>
    </div>
  );
}

function said(row: Row | undefined, without: number): string {
  if (row) return describe(row);
  const rest = without > 0 ? ` ${without} rows compute nothing or were skipped: they are in the table alone.` : '';
  return `Point at a mark, or walk over them with the arrow keys.${rest}`;
}

function describe(row: Row): string {
  if (row.ms === null) return `${row.name} ${row.shape}: ${row.skipped}`;
  const share = row.roofline === null ? '' : `, ${(100 * row.roofline).toFixed(0)} % of the roofline`;
  return `${row.name} ${row.shape}: ${significant(row.ms)} ms, ${significant(row.gflops)} GFLOP/s, ${significant(row.gbps)} GB/s${share}`;
}

function dotsOf(rows: readonly Row[]): Dot[] {
  return rows.flatMap((row) => (row.gflops && row.gbps ? [{ row, x: row.gflops / row.gbps, y: row.gflops }] : []));
}

/** Powers of ten around all values. */
function decades(values: readonly number[]): [number, number] {
  const finite = values.filter((value) => value > 0 && Number.isFinite(value));
  const low = Math.floor(Math.log10(Math.min(...finite)));
  return [10 ** low, 10 ** Math.max(low + 1, Math.ceil(Math.log10(Math.max(...finite))))];
}

function ticksOf(from: number, to: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.round(Math.log10(from)); power <= Math.round(Math.log10(to)); power++) ticks.push(10 ** power);
  return ticks;
}

function tickText(value: number): string {
  return value >= 1 ? value.toLocaleString('en') : significant(value);
}

function useWidth() {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const place = host.current;
    if (!place) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(240, Math.floor(place.clientWidth))));
    observer.observe(place);
    return () => observer.disconnect();
  }, []);
  return [host, width] as const;
}
