import './heatmap.css';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { colourScale } from './colour_scale.ts';
import { type ColourRange, paint, shortened, valueAt } from './heatmap_paint.ts';
import { useDark } from './theme.ts';

export interface Cell {
  readonly row: number;
  readonly column: number;
}

interface HeatmapProps {
  readonly title: string;
  /** Names of the rows, and of the columns: texts of others, such as tokens. */
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** What rows and columns are: `layer`, `token`. */
  readonly rowsAre: string;
  readonly columnsAre: string;
  /** [rows, columns], row-major; what is not finite stays empty. */
  readonly values: ArrayLike<number>;
  readonly range: ColourRange;
  /** What the colours are of. */
  readonly unit: string;
  readonly format: (value: number) => string;
  /** Least and most of a cell's width in CSS pixels: below the least the map scrolls sideways. */
  readonly width: readonly [least: number, most: number];
  /** A cell's height in CSS pixels; as wide as high where there is none. */
  readonly height?: number;
  /** Written into a cell that is large enough. */
  readonly text?: (row: number, column: number) => string;
  /** What is said of a cell; by default its names and its value. */
  readonly describe?: (row: number, column: number) => string;
  /** The cell under the pointer, or else the one that was chosen by click or keys. */
  readonly onCell?: (cell: Cell | undefined) => void;
  /** The cell that is chosen at first. */
  readonly start?: Cell;
}

/** Of labels: what one letter takes, and the most letters of one. */
const LETTER_PX = 7.3;
const MOST_LETTERS = 12;
/** Names closer than this would run into each other: some are left out. */
const LINE_PX = 13;
/** A map of more cells has no table of its numbers. */
const TABLE_CELLS = 4096;
/** Columns from here on have their names side by side, narrower ones upright if the names are longer than they are wide. */
const LYING_PX = 40;

/**
 * A heat map: cells on a canvas, names beside it, a legend and a line that says what the cell under the pointer or the
 * arrow keys is.
 */
export function Heatmap(props: HeatmapProps) {
  const { rows, columns, values, range, format, onCell } = props;
  const dark = useDark();
  const [figure, available] = useWidth();
  const [chosen, setChosen] = useState<Cell | undefined>(props.start);
  const [pointed, setPointed] = useState<Cell>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const id = useId();

  const longest = (names: readonly string[]) =>
    Math.min(
      MOST_LETTERS,
      names.reduce((most, name) => Math.max(most, [...name].length), 0),
    );
  const labels = Math.round(longest(rows) * LETTER_PX + 12);
  const [least, most] = props.width;
  const cellWidth = Math.max(least, Math.min(most, (available - labels) / Math.max(1, columns.length)));
  const cellHeight = props.height ?? cellWidth;
  const width = cellWidth * columns.length;
  const height = cellHeight * rows.length;
  const inside = (cell: Cell | undefined) => cell && cell.row < rows.length && cell.column < columns.length;
  const active = inside(pointed) ? pointed : inside(chosen) ? chosen : undefined;

  useLayoutEffect(() => {
    if (available === 0) return;
    const frame = requestAnimationFrame(() => {
      if (!canvas.current) return;
      const cells = { values, rows: rows.length, columns: columns.length, range };
      paint(canvas.current, cells, { width, height, dark, text: props.text });
    });
    return () => cancelAnimationFrame(frame);
  }, [values, rows.length, columns.length, range, width, height, dark, props.text, available]);
  const { start } = props;
  // What is chosen at first may stand far to the right.
  useEffect(() => {
    if (available > 0 && start) reveal(canvas.current, start.column * cellWidth, cellWidth, labels);
  }, [available > 0, start?.column]);
  useEffect(() => onCell?.(active), [active?.row, active?.column, values]);

  const cellAt = (event: PointerEvent): Cell | undefined => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top) / cellHeight);
    const column = Math.floor((event.clientX - box.left) / cellWidth);
    return row >= 0 && column >= 0 && row < rows.length && column < columns.length ? { row, column } : undefined;
  };
  const choose = (cell: Cell) => {
    setPointed(undefined);
    setChosen(cell);
    reveal(canvas.current, cell.column * cellWidth, cellWidth, labels);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = moved(active ?? { row: 0, column: -1 }, event, rows.length, columns.length);
    if (!next) return;
    event.preventDefault();
    choose(next);
  };
  const describe =
    props.describe ??
    ((row: number, column: number) => {
      const value = values[row * columns.length + column] as number;
      return `${rows[row]} · ${columns[column]}: ${Number.isFinite(value) ? format(value) : '–'}`;
    });

  const names = useMemo(
    () => <Names rows={rows} columns={columns} cellWidth={cellWidth} cellHeight={cellHeight} labels={labels} />,
    [rows, columns, cellWidth, cellHeight, labels],
  );

  return (
    <figure class="heatmap" ref={figure}>
      <div class="heatmap-scroll">
        <div class="heatmap-body" style={{ gridTemplateColumns: `${labels}px ${width}px` }}>
          {names}
          <div class="heatmap-cells" style={{ width: `${width}px`, height: `${height}px` }}>
            {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: its keys are its own, which is what an application is */}
            <canvas
              ref={canvas}
              role="application"
              aria-roledescription="heat map"
              tabIndex={0}
              aria-label={props.title}
              aria-describedby={id}
              onPointerMove={(event) => event.pointerType !== 'touch' && setPointed(cellAt(event))}
              onPointerLeave={() => setPointed(undefined)}
              onPointerDown={(event) => {
                const cell = cellAt(event);
                if (cell) choose(cell);
              }}
              onKeyDown={onKeyDown}
            />
            {active && (
              <div
                class="heatmap-cursor"
                style={{
                  width: `${cellWidth}px`,
                  height: `${cellHeight}px`,
                  transform: `translate(${active.column * cellWidth}px, ${active.row * cellHeight}px)`,
                }}
              />
            )}
          </div>
        </div>
      </div>
      <figcaption class="heatmap-foot">
        <output id={id} aria-live="polite">
          {active ? describe(active.row, active.column) : `Point at a cell, or go through them with the arrow keys.`}
        </output>
        <Legend range={range} unit={props.unit} format={format} dark={dark} />
        {rows.length * columns.length <= TABLE_CELLS && <Numbers {...props} />}
      </figcaption>
    </figure>
  );
}

/** The same as a table, made when it is asked for. */
function Numbers({ rows, columns, rowsAre, values, format }: HeatmapProps) {
  const [open, setOpen] = useState(false);
  return (
    <details class="heatmap-numbers" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>{rowsAre}</th>
                {columns.map((name, j) => (
                  <th key={j}>{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((name, i) => (
                <tr key={i}>
                  <th>{name}</th>
                  {columns.map((_, j) => {
                    const value = values[i * columns.length + j] as number;
                    return <td key={j}>{Number.isFinite(value) ? format(value) : ''}</td>;
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/** The colours and what they stand for. */
function Legend(o: { range: ColourRange; unit: string; format: (value: number) => string; dark: boolean }) {
  const scale = colourScale(o.range.kind, o.dark);
  const stops = Array.from({ length: 17 }, (_, i) => scale.css(i / 16));
  return (
    <div class="heatmap-legend">
      <span>{o.unit}</span>
      <div>
        <div class="heatmap-ramp" style={{ background: `linear-gradient(to right, ${stops.join(', ')})` }} />
        <div class="heatmap-ticks">
          {[0, 0.5, 1].map((share) => (
            <span key={share}>{o.format(valueAt(share, o.range))}</span>
          ))}
        </div>
      </div>
    </div>
  );
}

interface NamesProps {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly labels: number;
}

/** Names of rows and columns; they are said with each cell, so that a screen reader need not hear them before. */
function Names({ rows, columns, cellWidth, cellHeight, labels }: NamesProps) {
  const longest = columns.reduce((most, name) => Math.max(most, [...name].length), 0);
  const lying = cellWidth >= Math.min(LYING_PX, longest * LETTER_PX + 4);
  const short = lying && cellWidth < LYING_PX;
  const letters = lying && !short ? Math.floor((cellWidth - 8) / LETTER_PX) : MOST_LETTERS;
  const everyColumn = lying ? 1 : Math.ceil(LINE_PX / cellWidth);
  const everyRow = Math.ceil(LINE_PX / cellHeight);
  const head = lying ? 20 : Math.round(Math.min(MOST_LETTERS, longest) * LETTER_PX) + 10;
  return (
    <>
      <div class="heatmap-corner" />
      <div
        class="heatmap-columns"
        data-lying={lying}
        data-short={short}
        style={{ height: `${head}px` }}
        aria-hidden="true"
      >
        {columns.map((name, j) =>
          j % everyColumn > 0 ? null : (
            <span
              key={j}
              style={{ left: `${j * cellWidth}px`, width: `${Math.max(cellWidth, lying ? 0 : LINE_PX)}px` }}
            >
              {shortened(name, letters)}
            </span>
          ),
        )}
      </div>
      <div class="heatmap-rows" style={{ width: `${labels}px` }} aria-hidden="true">
        {rows.map((name, i) =>
          i % everyRow > 0 ? null : (
            <span
              key={i}
              style={{
                top: `${i * cellHeight}px`,
                height: `${Math.max(cellHeight, LINE_PX)}px`,
                lineHeight: `${Math.max(cellHeight, LINE_PX)}px`,
              }}
            >
              {shortened(name, MOST_LETTERS)}
            </span>
          ),
        )}
      </div>
    </>
  );
}

/** Where a key leads; undefined for keys that lead nowhere. */
function moved({ row, column }: Cell, event: KeyboardEvent, rows: number, columns: number): Cell | undefined {
  const step = event.shiftKey ? 10 : 1;
  const to: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [row, column - step],
    ArrowRight: [row, column + step],
    ArrowUp: [row - step, column],
    ArrowDown: [row + step, column],
    Home: [event.ctrlKey ? 0 : row, 0],
    End: [event.ctrlKey ? rows - 1 : row, columns - 1],
    PageUp: [0, column],
    PageDown: [rows - 1, column],
  };
  const target = to[event.key];
  if (!target || event.altKey || event.metaKey) return undefined;
  const within = (at: number, size: number) => Math.min(size - 1, Math.max(0, at));
  return { row: within(target[0], rows), column: within(target[1], columns) };
}

/** Scrolls sideways as far as a column is out of sight, behind the names of the rows too. */
function reveal(canvas: HTMLElement | null, left: number, width: number, labels: number): void {
  const scroll = canvas?.closest('.heatmap-scroll');
  if (!scroll) return;
  const [from, to] = [scroll.scrollLeft, scroll.scrollLeft + scroll.clientWidth - labels];
  if (left < from) scroll.scrollLeft = left;
  else if (left + width > to) scroll.scrollLeft = left + width - (to - from);
}

/** The width that an element has on the page, kept up with. */
function useWidth() {
  const ref = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width] as const;
}
