import { duration } from '../eval/figures.ts';

/** What progress is written to: process.stderr, or anything like it. */
interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface ProgressOptions {
  /** What is under way, as `train` or `measure base`. */
  label: string;
  total: number;
  /** Done before this process began (a resumed run). */
  start?: number;
  /** How an amount is spelt, where it is no plain count. */
  format?: (amount: number) => string;
  stream?: ProgressStream;
  /** Seconds; for tests. */
  now?: () => number;
}

const BLOCKS = '▁▂▃▄▅▆▇█';
const PARTS = ' ▏▎▍▌▋▊▉';
const BAR_WIDTH = 20;
const SPARK_WIDTH = 24;
/** Seconds between redraws on a terminal, and between lines elsewhere (log files, CI). */
const TTY_PERIOD = 0.1;
const LINE_PERIOD = 5;
/** Marks over which the rate for the time left is taken, and seconds between them at least: steps grow or shrink in training. */
const RATE_WINDOW = 8;
const MARK_PERIOD = 0.5;

/** Values as block characters, averaged down to at most `width` of them, from the lowest to the highest value. */
export function sparkline(values: readonly number[], width: number = SPARK_WIDTH): string {
  const finite = values.filter(Number.isFinite);
  const count = Math.min(width, finite.length);
  const bins = Array.from({ length: count }, (_, i) => {
    const part = finite.slice(Math.floor((i * finite.length) / count), Math.floor(((i + 1) * finite.length) / count));
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
  const [low, high] = [Math.min(...bins), Math.max(...bins)];
  const level = (value: number) => (high > low ? Math.round(((value - low) / (high - low)) * (BLOCKS.length - 1)) : 3);
  return bins.map((value) => BLOCKS[level(value)]).join('');
}

/** A bar of `width` columns, drawn to an eighth of a column. */
export function bar(share: number, width: number = BAR_WIDTH): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * width * 8);
  const full = Math.floor(eighths / 8);
  const part = full < width ? (PARTS[eighths % 8] as string) : '';
  return ('█'.repeat(full) + part).padEnd(width);
}

/** Cuts a text without control sequences to a number of columns. */
function clip(text: string, columns: number): string {
  const chars = [...text];
  return chars.length > columns ? `${chars.slice(0, Math.max(0, columns - 1)).join('')}…` : text;
}

/**
 * Live progress on stderr: one line that is drawn over on a terminal, a plain line every few seconds elsewhere.
 * Shows what is done, the share, the time left by the latest rate, a sparkline and a text.
 */
export class Progress {
  private readonly label: string;
  private total: number;
  private readonly format: (amount: number) => string;
  private readonly stream: ProgressStream;
  private readonly now: () => number;
  private readonly tty: boolean;
  private readonly marks: { time: number; done: number }[];
  private text = '';
  private spark = '';
  private drawn = Number.NEGATIVE_INFINITY;
  private shown = '';
  private finished = false;
  private readonly begun: number;
  private done: number;

  constructor(options: ProgressOptions) {
    const { label, total, start = 0, stream = process.stderr, now = () => performance.now() / 1000 } = options;
    this.label = label;
    this.total = total;
    this.format = options.format ?? String;
    this.stream = stream;
    this.now = now;
    this.tty = stream.isTTY === true;
    this.marks = [{ time: now(), done: start }];
    this.begun = now();
    this.done = start;
    this.draw(this.tty);
  }

  /** @param detail.text a few words at the end; @param detail.series values for the sparkline, oldest first; @param detail.total where it has changed */
  update(done: number, detail: { text?: string; series?: readonly number[]; total?: number } = {}): void {
    if (this.finished) return;
    const time = this.now();
    if (done > this.done && time - (this.marks.at(-1)?.time ?? 0) >= MARK_PERIOD) {
      this.marks.push({ time, done });
      if (this.marks.length > RATE_WINDOW + 1) this.marks.shift();
    }
    this.done = done;
    this.total = detail.total ?? this.total;
    this.text = detail.text ?? this.text;
    if (detail.series) this.spark = sparkline(detail.series);
    this.draw(done >= this.total);
  }

  /** A sign of life between two updates: another text, nothing more done. */
  tick(text: string): void {
    if (this.finished) return;
    this.text = text;
    this.draw(false);
  }

  /** Writes a line above the bar. */
  log(line: string): void {
    this.above(() => this.stream.write(`${line}\n`));
  }

  /** Lets another write whole lines above the bar, to stdout for one. */
  above(write: () => void): void {
    if (this.tty && !this.finished) this.stream.write('\r\x1b[K');
    write();
    if (this.tty) this.shown = '';
    if (this.tty && !this.finished) this.draw(true);
  }

  /** Ends the line; what was done stays on the screen. Calling it again does nothing. */
  finish(): void {
    if (this.finished) return;
    // A log that has the last line needs it once.
    if (this.tty || this.done < this.total) this.draw(true);
    this.finished = true;
    if (this.tty) this.stream.write('\n');
  }

  private timeLeft(): string {
    const [first, last] = [this.marks[0], this.marks.at(-1)];
    if (!first || !last || last.done <= first.done) return '';
    const rate = (last.done - first.done) / (last.time - first.time);
    const left = (this.total - this.done) / rate - (this.now() - last.time);
    // A step that takes longer than those before says nothing of when it ends.
    return left > 0 ? `${duration(left)} left` : '';
  }

  private line(): string {
    const { done, total } = this;
    const share = total > 0 ? done / total : 1;
    const count = `${this.format(done).padStart(this.format(total).length)}/${this.format(total)}`;
    const time = done >= total ? duration(this.now() - this.begun) : this.timeLeft();
    const gauge = this.tty ? `▕${bar(share)}▏` : `${Math.floor(share * 100)} %`;
    return [`${this.label} ${count} ${gauge}`, time, this.spark, this.text].filter((part) => part !== '').join('  ');
  }

  private draw(force: boolean): void {
    const time = this.now();
    if (!force && time - this.drawn < (this.tty ? TTY_PERIOD : LINE_PERIOD)) return;
    const line = this.line();
    if (line === this.shown) return;
    this.drawn = time;
    this.shown = line;
    this.stream.write(this.tty ? `\r${clip(line, (this.stream.columns ?? 80) - 1)}\x1b[K` : `${line}\n`);
  }
}
