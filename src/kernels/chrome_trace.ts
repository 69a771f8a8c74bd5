import type { Span } from '../gpu/profiler.ts';
import type { Profile } from './profile.ts';

/** One event of the Trace Event Format, as chrome://tracing and ui.perfetto.dev read it; times in microseconds. */
interface TraceEvent {
  /** `X`: with a duration. `C`: a counter. `M`: a name. */
  readonly ph: 'X' | 'C' | 'M';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly cat?: string;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

interface ChromeTrace {
  readonly displayTimeUnit: 'ms';
  readonly otherData: Readonly<Record<string, string | number>>;
  readonly traceEvents: readonly TraceEvent[];
}

const PID = 1;
const GPU = 1;
const TRACKS: readonly { readonly track: Span['track']; readonly name: string }[] = [
  { track: 'record', name: 'host: recording' },
  { track: 'submit', name: 'host: submits' },
  { track: 'wait', name: 'host: waits for the GPU' },
  { track: 'phase', name: 'host: phases' },
  { track: 'compile', name: 'host: compiling pipelines' },
];
/** Phases that overlap get lanes of their own, after the last fixed one. */
const PHASE_TID = 10;

/**
 * A profile as a Chrome trace: tracks for the GPU's dispatches and for what the host does. On one track events only
 * follow or contain each other, because the format knows nothing else ("Trace Event Format", Perfetto's FAQ).
 */
export function chromeTrace(profile: Profile, adapter: string): ChromeTrace {
  const events: TraceEvent[] = [];
  const at = (ms: number) => round(1000 * (ms - profile.began));
  const nameTrack = (tid: number, name: string) => {
    events.push({ ph: 'M', name: 'thread_name', pid: PID, tid, ts: 0, args: { name } });
    events.push({ ph: 'M', name: 'thread_sort_index', pid: PID, tid, ts: 0, args: { sort_index: tid } });
  };
  events.push({ ph: 'M', name: 'process_name', pid: PID, tid: 0, ts: 0, args: { name: `trimtab on ${adapter}` } });

  nameTrack(GPU, 'GPU: dispatches');
  let end = Number.NEGATIVE_INFINITY;
  for (const { name, start, nanoseconds, flops, bytes, params } of profile.dispatches.toSorted(
    (a, b) => a.start - b.start,
  )) {
    const ts = Math.max(at(profile.hostTime(start)), end);
    const dur = round(nanoseconds / 1000);
    end = round(ts + dur);
    events.push({ ph: 'X', cat: 'gpu', name, pid: PID, tid: GPU, ts, dur, args: { ...params, flops, bytes } });
  }
  const spanEvent = (span: Span, tid: number): TraceEvent => {
    const ts = at(span.from);
    const dur = Math.max(0, round(at(span.to) - ts));
    return { ph: 'X', cat: 'host', name: span.name, pid: PID, tid, ts, dur, ...(span.args && { args: span.args }) };
  };
  TRACKS.forEach(({ track, name }, i) => {
    const spans = profile.spans.filter((span) => span.track === track);
    const lanes = nested(spans);
    const first = track === 'phase' ? PHASE_TID : GPU + 1 + i;
    lanes.forEach((lane, n) => {
      const tid = track === 'phase' ? first + n : first + (n === 0 ? 0 : 100 * n);
      nameTrack(tid, n === 0 ? name : `${name} (${n + 1})`);
      for (const span of lane) events.push(spanEvent(span, tid));
    });
  });
  for (const { track, to, args } of profile.spans) {
    if (track !== 'submit' || args?.allocated === undefined) continue;
    const memory = { bytes: args.allocated };
    events.push({ ph: 'C', name: 'GPU memory', pid: PID, tid: 0, ts: at(to), args: memory });
  }
  return {
    displayTimeUnit: 'ms',
    otherData: { adapter, timed_by: profile.method, dropped_events: profile.dropped },
    traceEvents: events,
  };
}

/** Spans over as few lanes as keep every two of a lane apart or one within the other. */
function nested(spans: readonly Span[]): Span[][] {
  const lanes: { spans: Span[]; open: number[] }[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    const fits = (lane: (typeof lanes)[number]) => {
      while (lane.open.length > 0 && (lane.open.at(-1) as number) <= span.from) lane.open.pop();
      return lane.open.length === 0 || span.to <= (lane.open.at(-1) as number);
    };
    let lane = lanes.find(fits);
    if (!lane) {
      lane = { spans: [], open: [] };
      lanes.push(lane);
    }
    lane.spans.push(span);
    lane.open.push(span.to);
  }
  return lanes.map((lane) => lane.spans);
}

/** To a nanosecond: more digits only lengthen the file. */
function round(us: number): number {
  return Math.round(1000 * us) / 1000;
}
