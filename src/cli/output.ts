import type { Accuracy } from '../eval/stats.ts';

/** `1.5 GiB`, `640 KiB`, `12 B`: binary units, at most one decimal. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (Math.round(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? Number(value.toFixed(1)) : Math.round(value)} ${units[unit]}`;
}

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** `87.1 %`. */
export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `87.1 % (84.0 to 89.7)`: the 95 % interval in parentheses. */
export function interval({ accuracy, lo, hi }: Accuracy): string {
  return `${formatPercent(accuracy)} (${(lo * 100).toFixed(1)} to ${(hi * 100).toFixed(1)})`;
}

/** Terminal columns of a text: control sequences take none, wide characters (CJK, emoji) two. */
export function displayWidth(text: string): number {
  let width = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences start with the escape character
  for (const char of text.replace(/\x1b\[[\d;]*m/g, '')) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\p{Emoji_Presentation}]/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
}

const NUMERIC = /^[-+]?[\d.,]+(?:e[-+]?\d+)?(?: ?[%a-zA-Z/]+)?$/;

/**
 * A table with aligned columns, two spaces between them, a rule under the head. A column is set to the right when all its
 * cells are numbers (or empty).
 */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => head.map((_, column) => String(row[column] ?? '')));
  const right = head.map(
    (_, column) => cells.length > 0 && cells.every((row) => row[column] === '' || NUMERIC.test(row[column] as string)),
  );
  const widths = head.map((title, column) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[column] as string))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat((widths[column] as number) - displayWidth(cell));
        return right[column] ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}
