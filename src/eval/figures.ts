/** How figures are written, in terminals, reports and on the page alike. */
import type { Accuracy } from './stats.ts';

/** A share in percent without its sign: `87.1`. */
export function points(share: number, decimals = 1): string {
  return (share * 100).toFixed(decimals);
}

/** `87.1 %`. */
export function percent(share: number): string {
  return `${points(share)} %`;
}

/** `87.1 % (84.0 to 89.7)`: the 95 % interval in parentheses. */
export function interval({ accuracy, lo, hi }: Accuracy): string {
  return `${percent(accuracy)} (${points(lo)} to ${points(hi)})`;
}

/** A difference of shares in points, with its sign: `+12.0`, `−0.5`, `0.0`. */
export function signedPoints(difference: number): string {
  const text = points(Math.abs(difference));
  return text === '0.0' ? text : `${difference < 0 ? '−' : '+'}${text}`;
}

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** `+0.25`, `−1`, `0`: with a sign, as few digits as say it. */
export function signed(value: number): string {
  const text = Number(Math.abs(value).toFixed(2)).toString();
  if (text === '0') return '0';
  return value < 0 ? `−${text}` : `+${text}`;
}

/** Three significant digits. */
export function significant(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

/** White space as signs, for tokens. */
export function visible(token: string): string {
  return token.replace(/ /g, '·').replace(/\n/g, '↵').replace(/\t/g, '⇥');
}
