import { UserError } from '../src/gpu/errors.ts';
import type { Timing } from '../src/gpu/timing.ts';
import type { EndToEnd } from './end_to_end.ts';
import { interleaved } from './measure.ts';
import { failure, type Row, type Rows } from './row.ts';
import { type Point, SWEEPS, type Sweep, type SweepName } from './sweep_points.ts';
import { repeated, rowId } from './whole_work.ts';

/** One sweep that was asked for. */
export interface SweepRequest {
  readonly name: SweepName;
  /** Ascending; undefined takes the sweep's own. */
  readonly values: readonly number[] | undefined;
}

export interface SweepOptions {
  /** Turns of each value. */
  readonly rounds: number;
  /** Also what takes seconds on a software adapter. */
  readonly all: boolean;
  readonly emit: (row: Row) => void;
  /** Before each sweep. */
  readonly section: (title: string) => void;
  /** After each turn: those done, of how many, and what is under way. */
  readonly onTurn: (done: number, total: number, what: string) => void;
}

export const SWEEP_NAMES = Object.keys(SWEEPS) as SweepName[];

/** On a software adapter a value is left out when the roofline alone asks for more than this. */
const TOO_SLOW_MS = 5000;
/** Of each point besides the measured turns: the run that compiles, and the ones that find its batch. */
const FIRST_TURNS = 2;

/**
 * Reads `tokens,batch=1,8,64`: names of sweeps with commas between them, each with values of one's own where there are any; `all`
 * is every one.
 * @throws UserError naming what is wrong and what there is
 */
export function parseSweeps(text: string): SweepRequest[] {
  const found = new Map<SweepName, Set<number>>();
  /** Of the sweep that was named last. */
  let values: Set<number> | undefined;
  for (const word of text.split(',').map((part) => part.trim())) {
    const [, name, equals, value] = /^(?:([a-z]+)(=|$))?(\d+)?$/.exec(word) ?? [];
    const names = name === 'all' && !equals ? SWEEP_NAMES : SWEEP_NAMES.filter((known) => known === name);
    const named = names.length > 0 && (equals === '=') === (value !== undefined);
    if (!named && (name !== undefined || value === undefined || values === undefined)) {
      throw new UserError(
        `--sweep has ${JSON.stringify(word)}. There are ${SWEEP_NAMES.join(', ')} and all of them (all), each with values of ` +
          'your own if you like: batch=1,8,64.',
      );
    }
    for (const known of names) found.set(known, found.get(known) ?? new Set());
    if (name !== undefined) values = found.get(name as SweepName);
    if (value !== undefined) values?.add(Number(value));
  }
  return [...found].map(([name, own]) => ({
    name,
    values: own.size > 0 ? [...own].sort((a, b) => a - b) : undefined,
  }));
}

/**
 * Measures one sweep after the other: all points of one in turns, A B C C B A, by the clock.
 * @throws UserError for a value that the model cannot have, before anything is measured
 */
export async function sweepRows(
  setup: EndToEnd,
  rows: Rows,
  requests: readonly SweepRequest[],
  options: SweepOptions,
): Promise<void> {
  const { lm } = setup;
  const { device } = lm.model;
  const planned = requests.map(({ name, values }) => {
    const sweep = SWEEPS[name];
    return { name, sweep, values: within(name, sweep, setup, values) };
  });
  const turns = options.rounds + FIRST_TURNS;
  const total = planned.reduce((sum, { sweep, values }) => sum + sweep.lines.length * values.length * turns, 0);
  let done = 0;
  const advance = (by: number, what: string) => {
    done += by;
    options.onTurn(done, total, what);
  };
  for (const { name, sweep, values } of planned) {
    options.section(`Sweep: ${name}, by the clock, in turns`);
    options.onTurn(done, total, name);
    const opened = sweep.open(setup, values);
    try {
      const outcomes = new Map<Point, Timing | string>();
      const measured: Point[] = [];
      for (const point of opened.points) {
        const reason = await firstRun(point, rows.leastMs({ flops: point.flops, bytes: 0 }), options.all, device.caps);
        if (reason === undefined) measured.push(point);
        else outcomes.set(point, reason);
        advance(reason === undefined ? 1 : turns, name);
      }
      const contenders = measured.map(({ run, executions }) => ({ ...repeated(run), executions }));
      const times = await interleaved(contenders, options.rounds, (turn) => {
        if (turn > 0) advance(1, name);
      });
      for (const [i, time] of times.entries()) outcomes.set(measured[i] as Point, time);
      emitPoints(name, opened.points, outcomes);
    } finally {
      opened.dispose();
      device.arena.trim();
    }
  }

  function emitPoints(name: SweepName, points: readonly Point[], outcomes: ReadonlyMap<Point, Timing | string>): void {
    const reference = outcomes.get(points[0] as Point);
    for (const point of points) {
      const { line, value, shape, tokens, floor } = point;
      const outcome = outcomes.get(point) as Timing | string;
      const id = rowId(lm, `sweep_${name}`, `${line}, ${shape}`);
      if (typeof outcome === 'string') {
        options.emit({ ...rows.skipped(id, outcome), line, value });
        continue;
      }
      const againstForward = floor !== undefined && typeof reference === 'object';
      options.emit(
        rows.timed(id, outcome, undefined, {
          line,
          value,
          tokens_per_second: (1000 * tokens) / outcome.median,
          ...(againstForward && { ratio_to_forward: outcome.median / reference.median, floor }),
        }),
      );
    }
  }
}

/** Runs a point once, which compiles: why it is left out, or undefined. */
async function firstRun(
  { run }: Point,
  leastMs: number,
  all: boolean,
  { isSoftware }: { isSoftware: boolean },
): Promise<string | undefined> {
  if (isSoftware && !all && leastMs > TOO_SLOW_MS) {
    return `at least ${(leastMs / 1000).toFixed(1)} s on this software adapter; --all runs it`;
  }
  try {
    await run();
  } catch (error) {
    return failure(error);
  }
}

/** The values, the sweep's own where none are given, with the one that others are held against. */
function within(
  name: SweepName,
  sweep: Sweep,
  setup: EndToEnd,
  values: readonly number[] | undefined,
): readonly number[] {
  const [least, most] = sweep.bounds(setup);
  const outside = values?.find((value) => value < least || value > most);
  if (outside !== undefined) {
    throw new UserError(`--sweep ${name}=${outside}: with ${setup.lm.name} it goes from ${least} to ${most}.`);
  }
  const chosen = values ?? sweep.values(setup).filter((value) => value >= least && value <= most);
  return sweep.reference === undefined ? chosen : [...new Set([sweep.reference, ...chosen])];
}
