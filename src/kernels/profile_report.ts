import type { Counts } from '../gpu/counters.ts';
import type { Roofline } from './measure_roofline.ts';
import type { HostSums, PhaseSum, Profile, Sum } from './profile.ts';

interface Rates {
  readonly calls: number;
  readonly ms: number;
  /** Of the GPU's busy time. */
  readonly share: number;
  /** null where the work depends on data that the host does not know. */
  readonly gflops: number | null;
  readonly gbps: number;
  /** The least time that the measured roofline allows for these operations and bytes, over the time taken; null as above. */
  readonly roofline: number | null;
}

interface KernelRow extends Rates {
  readonly kernel: string;
  /** The dearest first. */
  readonly shapes: readonly (Rates & { readonly shape: string })[];
}

/** A phase may contain others. */
interface PhaseRow {
  readonly calls: number;
  readonly ms: number;
  readonly record_ms: number;
  /** Of its time. */
  readonly record_share: number;
}

/** A phase whose dispatches were timed: 1 − busy / ms, gaps that timing makes included. */
export interface TimedPhaseRow extends PhaseRow {
  readonly busy_ms: number;
  readonly idle_share: number;
}

interface HostRow<Phase = PhaseRow> {
  readonly ms: number;
  readonly parts: number;
  /** Without compiling. */
  readonly record_ms: number;
  readonly record_us_per_dispatch: number;
  /** Of pipelines, `counts.pipelines` of them. */
  readonly compile_ms: number;
  readonly submit_ms: number;
  readonly wait_ms: number;
  readonly counts: Counts;
  readonly phases: Readonly<Record<string, Phase>>;
}

/** What `--profile` prints and keeps as profile.json. */
export interface ProfileReport {
  readonly adapter: string;
  readonly timed_by: Profile['method'];
  readonly roofline: Omit<Roofline, 'rows'>;
  /** Milliseconds in which the GPU computed while every dispatch was timed. */
  readonly busy_ms: number;
  /** 1 − busy / wall, gaps that timing itself makes included. */
  readonly idle_share: number;
  /** What timing adds: measured for one dispatch, and times the dispatches as a share of the timed wall. */
  readonly timing: { readonly us_per_dispatch: number; readonly ms: number; readonly share: number };
  /** The part that was timed, and all of the rest. */
  readonly timed: HostRow<TimedPhaseRow>;
  readonly rest: HostRow;
  /** Parts that were neither timed nor compiled anything: how long one takes, and what recording takes of it. */
  readonly untimed?: {
    readonly parts: number;
    readonly ms: number;
    readonly record_us_per_dispatch: number;
    readonly record_share: number;
    /** Of all of these parts. */
    readonly phases: Readonly<Record<string, PhaseRow>>;
  };
  /** Why its shares of the roofline may be wrong, a sentence each. */
  readonly doubts: readonly string[];
  readonly events_dropped: number;
  readonly kernels: readonly KernelRow[];
}

const SHAPES_KEPT = 12;
/** The upper quartile over the lower one of what measures the roofline, on a machine that does nothing else: 1.01 to 1.1. */
const STEADY = 1.25;

/** Puts a profile into figures, kernels by what they cost. */
export function profileReport(profile: Profile, roofline: Roofline, adapter: string): ProfileReport {
  const { rows: _, ...measured } = roofline;
  const total = [...profile.kernels.values()].reduce((sum, { ms }) => sum + ms, 0);
  const rates = (sum: Sum, exact: boolean): Rates => {
    const { calls, ms, flops, bytes } = sum;
    const least = Math.max(flops / roofline.gflops, bytes / roofline.gbps) / 1e6;
    return {
      calls,
      ms,
      share: total > 0 ? ms / total : 0,
      gflops: exact && ms > 0 ? flops / ms / 1e6 : null,
      gbps: ms > 0 ? bytes / ms / 1e6 : 0,
      roofline: exact && ms > 0 ? least / ms : null,
    };
  };
  const kernels = [...profile.kernels.values()]
    .map(({ name, exact, shapes, ...sum }) => ({
      kernel: name,
      ...rates(sum, exact),
      shapes: [...shapes]
        .map(([shape, each]) => ({ shape, ...rates(each, exact) }))
        .sort((a, b) => b.ms - a.ms)
        .slice(0, SHAPES_KEPT),
    }))
    .sort((a, b) => b.ms - a.ms);
  const { timedSums, otherSums, busy, splitUs, steady } = profile;
  const addedMs = (splitUs * timedSums.counts.dispatches) / 1000;
  return {
    adapter,
    timed_by: profile.method,
    roofline: measured,
    busy_ms: busy,
    idle_share: timedSums.ms > 0 ? Math.max(0, 1 - busy / timedSums.ms) : 0,
    timing: { us_per_dispatch: splitUs, ms: addedMs, share: timedSums.ms > 0 ? addedMs / timedSums.ms : 0 },
    timed: hostRow(timedSums, timedPhase),
    rest: hostRow(otherSums, phaseRow),
    ...(steady.parts > 0 && {
      untimed: {
        parts: steady.parts,
        ms: steady.ms / steady.parts,
        record_us_per_dispatch: (1000 * steady.record) / Math.max(1, steady.dispatches),
        record_share: steady.record / steady.ms,
        phases: rows(steady.phases, phaseRow),
      },
    }),
    doubts: doubtsOf(roofline, kernels),
    events_dropped: profile.dropped,
    kernels,
  };
}

/** The signs of something else that ran on the machine. */
function doubtsOf({ rows }: Roofline, kernels: readonly KernelRow[]): string[] {
  const wide = rows.filter(({ flops, bytes, timing }) => flops + bytes > 0 && timing.p75 > STEADY * timing.p25);
  const ms = (value: number) => Number(value.toPrecision(3));
  return [
    ...wide.map(
      ({ name, timing: { p25, p75 } }) =>
        `${name} took ${ms(p25)} to ${ms(p75)} ms (quartiles): something else ran on the machine, so shares of the roofline are rough`,
    ),
    ...(kernels.some(({ roofline }) => (roofline ?? 0) > 1.005)
      ? ['above 100 %: small arrays stay in the cache, or something else ran while the roofline was measured']
      : []),
  ];
}

function phaseRow({ calls, ms, record }: PhaseSum): PhaseRow {
  return { calls, ms, record_ms: record, record_share: ms > 0 ? record / ms : 0 };
}

function timedPhase(sum: PhaseSum): TimedPhaseRow {
  const { ms, busy } = sum;
  return { ...phaseRow(sum), busy_ms: busy, idle_share: ms > 0 ? Math.max(0, 1 - busy / ms) : 0 };
}

function rows<Row>(phases: ReadonlyMap<string, PhaseSum>, row: (sum: PhaseSum) => Row): Record<string, Row> {
  return Object.fromEntries([...phases].map(([name, sum]) => [name, row(sum)]));
}

function hostRow<Phase>(sums: HostSums, phase: (sum: PhaseSum) => Phase): HostRow<Phase> {
  const { ms, parts, record, compile, submit, wait, counts, phases } = sums;
  return {
    ms,
    parts,
    record_ms: record,
    record_us_per_dispatch: counts.dispatches > 0 ? (1000 * record) / counts.dispatches : 0,
    compile_ms: compile,
    submit_ms: submit,
    wait_ms: wait,
    counts,
    phases: rows(phases, phase),
  };
}
