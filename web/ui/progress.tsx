import { useRef } from 'preact/hooks';
import { formatBytes } from '../../src/gpu/bytes.ts';

interface ProgressProps {
  /** What goes on: the name of the bar. */
  readonly label: string;
  readonly done: number;
  /** Undefined while it is not known: the bar then only moves. */
  readonly total?: number;
  /** `bytes`, or what is counted, in the plural: `steps`. */
  readonly unit: string;
  /** Nothing goes on at present. */
  readonly paused?: boolean;
}

/** A bar, and under it what is done, how fast, and about how long the rest takes. */
export function Progress({ label, done, total, unit, paused = false }: ProgressProps) {
  const measured = useRate(done);
  const rate = paused ? 0 : measured;
  const show = (n: number) => (unit === 'bytes' ? formatBytes(n) : Math.round(n).toLocaleString('en'));
  const of = total === undefined ? show(done) : `${show(done)} of ${show(total)}`;
  const parts = [unit === 'bytes' ? of : `${of} ${unit}`];
  if (rate > 0 && unit === 'bytes') parts.push(`${formatBytes(rate)}/s`);
  if (rate > 0 && total !== undefined && done < total) parts.push(`about ${roughly((total - done) / rate)} left`);
  return (
    <div class="progress">
      <span>{label}</span>
      <progress aria-label={label} max={total} value={total === undefined ? undefined : done} />
      <small>{parts.join(' · ')}</small>
    </div>
  );
}

/** So many seconds of the past say how fast it goes. */
const WINDOW_S = 8;

/** How much of `done` a second adds; 0 before that can be told. */
function useRate(done: number): number {
  const samples = useRef<{ readonly at: number; readonly done: number }[]>([]).current;
  const at = performance.now() / 1000;
  const last = samples.at(-1);
  // Less than before: something else has begun.
  if (last && done < last.done) samples.length = 0;
  if (!last || done !== last.done) samples.push({ at, done });
  while (samples.length > 2 && at - (samples[0]?.at ?? at) > WINDOW_S) samples.shift();
  const first = samples[0];
  return first && at - first.at > 0.5 ? (done - first.done) / (at - first.at) : 0;
}

/** `40 s`, `3 min`, `2 h 10 min`. */
function roughly(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
