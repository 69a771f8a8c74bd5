import { join } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Device } from '../gpu/device.ts';
import { chromeTrace } from '../kernels/chrome_trace.ts';
import { measureRoofline } from '../kernels/measure_roofline.ts';
import { Profile } from '../kernels/profile.ts';
import { type ProfileReport, profileReport } from '../kernels/profile_report.ts';
import type { StepRunner } from '../train/trainer.ts';
import type { Context } from './command.ts';
import { table } from './output.ts';
import { checkInFolder, writeInFolder } from './output_files.ts';

/** Steps of a training run, the first and the last of them, from 0. */
interface StepWindow {
  readonly first: number;
  readonly last: number;
}

export interface ProfileOptions {
  /** True where no place was named. */
  readonly profile?: string | true | undefined;
  readonly profileSteps?: StepWindow | undefined;
}

/** Kernels of the printed table; profile.json has all. */
const ROWS = 24;

/** Where the results go, `fallback` where no place was named. */
export function profilePlace({ profile }: ProfileOptions, fallback = 'profile'): string {
  return typeof profile === 'string' ? profile : fallback;
}

/** Adds `--profile`; `place` says where the files go when none is named. */
export function addProfileOption(command: Command, place: string): Command {
  return command.option(
    '--profile [path]',
    `time every kernel: a table, and a Chrome trace in this folder (or .json file); default: ${place}`,
    named,
  );
}

export function addStepsOption(command: Command): Command {
  return command.option(
    '--profile-steps <first..last>',
    'steps to profile, from 0 (default: the third and the fourth)',
    stepWindow,
  );
}

/** The path may be left out, so the argument that follows is taken for one. */
function named(path: string): string {
  if (path.trim() === '') throw new InvalidArgumentError('It must be a folder or a .json file, or be left out.');
  if (/\.ya?ml$/i.test(path)) {
    throw new InvalidArgumentError(
      `It would be where the profile goes. Write the configuration first: ${path} --profile; or a place after it: --profile FOLDER ${path}.`,
    );
  }
  return path;
}

/** The third step and the fourth, after two that compile and fill caches; the last ones of a shorter run. */
export function defaultWindow(from: number, to: number): StepWindow {
  const last = Math.min(from + 3, to - 1);
  return { first: Math.max(from, Math.min(from + 2, last - 1)), last };
}

function stepWindow(text: string): StepWindow {
  const [, first, last = first] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? [];
  if (first === undefined || Number(last) < Number(first)) {
    throw new InvalidArgumentError('It must be a step (3) or a range of steps (2..3), counted from 0.');
  }
  return { first: Number(first), last: Number(last) };
}

/** A profile of one command: what to time, and where the results go. */
export class CommandProfile {
  readonly #context: Context;
  readonly #device: Device;
  readonly #profile: Profile;
  readonly #place: string;
  readonly #window: StepWindow | undefined;
  #report: Promise<ProfileReport> | undefined;

  private constructor(
    context: Context,
    device: Device,
    profile: Profile,
    place: string,
    window: StepWindow | undefined,
  ) {
    this.#context = context;
    this.#device = device;
    this.#profile = profile;
    this.#place = place;
    this.#window = window;
  }

  /**
   * Undefined where no profile is wanted.
   * @param place where the results go: a folder, or a .json file for the trace alone
   * @throws UserError where it cannot be written
   */
  static async start(
    context: Context,
    device: Device,
    options: ProfileOptions,
    place: string,
    window?: StepWindow,
  ): Promise<CommandProfile | undefined> {
    if (options.profile === undefined) return undefined;
    await checkInFolder(traceFile(place));
    return new CommandProfile(context, device, await Profile.start(device), place, window);
  }

  /** Times the steps of the window, and lets the others run as they are. */
  readonly around: StepRunner = (step, work) => {
    const { first, last } = this.#window ?? { first: 0, last: Number.POSITIVE_INFINITY };
    return step >= first && step <= last ? this.#profile.timed(work) : this.#profile.untimed(work);
  };

  timed<T>(work: () => Promise<T>): Promise<T> {
    return this.#profile.timed(work);
  }

  /** Ends the profile, and measures the roofline if this process has not yet. */
  report(): Promise<ProfileReport> {
    this.#profile.stop();
    this.#report ??= measureRoofline(this.#device).then((roofline) =>
      profileReport(this.#profile, roofline, this.#device.caps.adapter),
    );
    return this.#report;
  }

  /** Writes trace.json and profile.json, or the trace alone where the place is a .json file, and prints the table. */
  async finish(): Promise<ProfileReport> {
    const report = await this.report();
    const trace = JSON.stringify(chromeTrace(this.#profile, this.#device.caps.adapter));
    const place = this.#place;
    const file = traceFile(place);
    await writeInFolder(file, trace);
    if (file !== place) await writeInFolder(join(place, 'profile.json'), `${JSON.stringify(report, null, 1)}\n`);
    this.#context.print(`\n${profileText(report, this.#window)}`);
    this.#context.print(`${file} opens in https://ui.perfetto.dev or chrome://tracing.`);
    return report;
  }
}

/** Where the Chrome trace goes: a place that is no .json file is a folder. */
function traceFile(place: string): string {
  return place.endsWith('.json') ? place : join(place, 'trace.json');
}

/** The profile for people: the kernels by cost, and what the host did. */
function profileText(report: ProfileReport, window?: StepWindow): string {
  const { timed, untimed, roofline, timing } = report;
  if (timed.counts.dispatches === 0) {
    return `Nothing was profiled: no step of ${window?.first} to ${window?.last} was run. Give others with --profile-steps.`;
  }
  const number = (value: number | null) => (value === null ? '' : Number(value.toPrecision(3)).toString());
  const percent = (share: number | null) => (share === null ? '' : `${(100 * share).toFixed(1)} %`);
  const rows = report.kernels.slice(0, ROWS).map((row) => {
    return [
      row.kernel,
      row.calls,
      number(row.ms),
      percent(row.share),
      number(row.gflops),
      number(row.gbps),
      percent(row.roofline),
    ];
  });
  const steps = window && timed.parts > 0 ? `steps ${window.first} to ${window.last}: ` : '';
  const compiling =
    timed.counts.pipelines > 0 ? `compiling ${timed.counts.pipelines} pipelines ${number(timed.compile_ms)} ms, ` : '';
  const lines = [
    table(['kernel', 'calls', 'ms', 'share', 'GFLOP/s', 'GB/s', 'roof'], rows),
    report.kernels.length > ROWS ? `and ${report.kernels.length - ROWS} more kernels in profile.json` : undefined,
    report.doubts.length > 0 ? report.doubts.join('\n') : undefined,
    '',
    `${steps}${number(timed.ms)} ms, the GPU busy for ${number(report.busy_ms)} ms: idle ${percent(report.idle_share)}.`,
    `host: recording ${number(timed.record_ms)} ms (${number(timed.record_us_per_dispatch)} us a dispatch), ${compiling}submits ${number(timed.submit_ms)} ms, ` +
      `waiting ${number(timed.wait_ms)} ms; ${timed.counts.dispatches} dispatches, ${timed.counts.submits} submits, ${timed.counts.readbacks} readbacks; ` +
      `created ${timed.counts.buffers} buffers (${number(timed.counts.bufferBytes / 2 ** 20)} MiB), ${timed.counts.pipelines} pipelines, ${timed.counts.bindGroups} bind groups.`,
    `timing gives every dispatch ${report.timed_by === 'timestamps' ? 'a pass of its own' : 'a submit of its own'}: ${number(timing.us_per_dispatch)} us a dispatch more than in one pass, ` +
      `${percent(timing.share)} of this time.`,
    phaseTable(report),
    untimed
      ? `a step that was not timed: ${number(untimed.ms)} ms (${number(timed.ms / timed.parts)} ms timed), of which recording ${percent(untimed.record_share)}, ` +
        `${number(untimed.record_us_per_dispatch)} us a dispatch.`
      : undefined,
    `roofline of ${report.adapter}: ${number(roofline.gflops)} GFLOP/s f32${roofline.f16Gflops ? `, ${number(roofline.f16Gflops)} f16` : ''}, copy ${number(roofline.gbps)} GB/s; ` +
      `a launch ${number(roofline.launchUs)} us, a submit ${number(roofline.submitUs)} us, a readback ${number(roofline.readbackMs)} ms.`,
  ];
  return lines.filter((line) => line !== undefined).join('\n');
}

/** Phases in which the GPU computed: how much of each it was idle, and what recording takes of it where nothing is timed. */
function phaseTable({ timed, untimed }: ProfileReport): string | undefined {
  const percent = (share: number | undefined) => (share === undefined ? '' : `${(100 * share).toFixed(1)} %`);
  const each = (row: { readonly ms: number; readonly calls: number } | undefined) =>
    row && row.calls > 0 ? Number((row.ms / row.calls).toPrecision(3)) : '';
  const rows = Object.entries(timed.phases)
    .filter(([, { busy_ms }]) => busy_ms > 0)
    .map(([name, row]) => {
      const free = untimed?.phases[name];
      return [name, row.calls, each(row), percent(row.idle_share), each(free), percent(free?.record_share)];
    });
  if (rows.length === 0) return undefined;
  return `\n${table(['phase', 'calls', 'ms', 'GPU idle', 'ms untimed', 'recording'], rows)}\n`;
}
