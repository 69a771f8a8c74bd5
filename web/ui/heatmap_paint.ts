import { type ColourScale, colourScale } from './colour_scale.ts';

/** Which numbers have which colours. */
export interface ColourRange {
  /** `sequential`: from 0 to `most`. `diverging`: from −`most` to `most`. */
  readonly kind: 'sequential' | 'diverging';
  readonly most: number;
  /** The colour goes with this power of the number; 0.5 shows what is small. Default 1. */
  readonly power?: number;
}

/** Where a number stands on its scale, 0 to 1; NaN for what is no number. */
export function shareOf(value: number, { kind, most, power = 1 }: ColourRange): number {
  const part = most > 0 ? Math.min(1, Math.abs(value) / most) ** power : 0 * value;
  if (kind === 'sequential') return value < 0 ? 0 : part;
  return 0.5 + (Math.sign(value) * part) / 2;
}

/** The number at a share of the scale: the other way round. */
export function valueAt(share: number, { kind, most, power = 1 }: ColourRange): number {
  if (kind === 'sequential') return most * share ** (1 / power);
  const part = 2 * share - 1;
  return Math.sign(part) * most * Math.abs(part) ** (1 / power);
}

export interface Cells {
  /** [rows, columns], row-major; what is not finite stays empty. */
  readonly values: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  readonly range: ColourRange;
}

/** Side of a cell from which on a line of the paper's colour parts it from the next. */
const PARTED_PX = 9;
/** What Chrome gives a canvas at the most in one direction. */
const MAX_SIDE = 16_384;

/**
 * Draws a heat map as large as the canvas is on the page, in its own pixels.
 *
 * @param size in CSS pixels
 * @param text written into each cell, where it is large enough
 */
export function paint(
  canvas: HTMLCanvasElement,
  { values, rows, columns, range }: Cells,
  o: {
    readonly width: number;
    readonly height: number;
    readonly dark: boolean;
    readonly text?: ((row: number, column: number) => string) | undefined;
  },
): void {
  const ratio = Math.min(devicePixelRatio, MAX_SIDE / o.width, MAX_SIDE / o.height);
  canvas.width = Math.max(1, Math.round(o.width * ratio));
  canvas.height = Math.max(1, Math.round(o.height * ratio));
  const context = canvas.getContext('2d');
  if (!context || rows * columns === 0) return;
  const scale = colourScale(range.kind, o.dark);
  const shares = Float32Array.from({ length: rows * columns }, (_, i) => shareOf(values[i] as number, range));
  const image = new ImageData(columns, rows);
  const words = new Uint32Array(image.data.buffer);
  for (const [i, share] of shares.entries())
    words[i] = Number.isFinite(share) ? (scale.words[Math.round(255 * share)] as number) : 0;
  const small = new OffscreenCanvas(columns, rows);
  small.getContext('2d')?.putImageData(image, 0, 0);
  const [cellWidth, cellHeight] = [canvas.width / columns, canvas.height / rows];
  // Cells smaller than a pixel are averaged; larger ones keep their edges.
  context.imageSmoothingEnabled = cellWidth < 1 || cellHeight < 1;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  if (Math.min(cellWidth, cellHeight) >= PARTED_PX * ratio) partCells(context, rows, columns, ratio);
  if (o.text) writeCells(context, shares, { rows, columns, scale, text: o.text, ratio });
}

function partCells(context: CanvasRenderingContext2D, rows: number, columns: number, ratio: number): void {
  const { width, height } = context.canvas;
  const line = Math.max(1, Math.round(ratio));
  for (let j = 1; j <= columns; j++) context.clearRect(Math.round((j * width) / columns) - line, 0, line, height);
  for (let i = 1; i <= rows; i++) context.clearRect(0, Math.round((i * height) / rows) - line, width, line);
}

const FONT_PX = 12;
const PADDING_PX = 5;

function writeCells(
  context: CanvasRenderingContext2D,
  shares: Float32Array,
  o: {
    readonly rows: number;
    readonly columns: number;
    readonly scale: ColourScale;
    readonly text: (row: number, column: number) => string;
    readonly ratio: number;
  },
): void {
  const { width, height } = context.canvas;
  const [cellWidth, cellHeight] = [width / o.columns, height / o.rows];
  context.font = `${FONT_PX * o.ratio}px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = 'middle';
  const letter = context.measureText('0').width;
  const letters = Math.floor((cellWidth - 2 * PADDING_PX * o.ratio) / letter);
  if (letters < 3 || cellHeight < (FONT_PX + 2) * o.ratio) return;
  for (let row = 0; row < o.rows; row++) {
    for (let column = 0; column < o.columns; column++) {
      const share = shares[row * o.columns + column] as number;
      if (!Number.isFinite(share)) continue;
      context.fillStyle = o.scale.textOn(share);
      const text = shortened(o.text(row, column), letters);
      context.fillText(text, column * cellWidth + PADDING_PX * o.ratio, (row + 0.5) * cellHeight);
    }
  }
}

/** Letters that take two places beside Latin ones. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\u{1f300}-\u{1faff}]/u;

/** A text of so many places at the most, `…` in place of what is left out. */
export function shortened(text: string, places: number): string {
  let taken = 0;
  let kept = '';
  for (const letter of text) {
    taken += WIDE.test(letter) ? 2 : 1;
    if (taken > places) return `${[...kept].slice(0, -1).join('')}…`;
    kept += letter;
  }
  return text;
}
