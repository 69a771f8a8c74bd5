import type { Device } from '../src/gpu/device.ts';
import { UserError } from '../src/gpu/errors.ts';
import { measureRoofline } from '../src/kernels/measure_roofline.ts';
import type { ModelShape } from '../test/cases/shapes.ts';
import { caseRow } from './case_rows.ts';
import { Comparison, openPeers } from './comparison.ts';
import { DECODING_NAMES, decodingRows } from './decoding.ts';
import { END_TO_END_NAMES, type EndToEnd, endToEndRows, type OnTurn, type ProfileRun } from './end_to_end.ts';
import { FAMILIES, type Family } from './families.ts';
import { GENERATION_NAMES, type GenerationOptions, generationRows } from './generation.ts';
import { PROBLEM_NAMES, problems } from './problems.ts';
import { RECORD_NAME } from './record.ts';
import { type Row, Rows } from './row.ts';
import { type SweepOptions, type SweepRequest, sweepRows } from './sweep.ts';
import { TRAINING_NAMES, trainingRows } from './training.ts';

export interface BenchOptions {
  /** Families, kernels, comparisons or end-to-end rows by name; undefined measures all. */
  readonly only: readonly string[] | undefined;
  readonly models: readonly ModelShape[];
  readonly peers: boolean;
  /** The folder with the package.json of those peers that are installed apart. */
  readonly peersFolder: string;
  /** Leaves out the kernels by themselves: what is compared has names in common with them. */
  readonly compared: boolean;
  /** Also what would take seconds on a software adapter. */
  readonly all: boolean;
  /** Profiles one more run of every end-to-end row. */
  readonly profile: ProfileRun | undefined;
  /** Dawn's toggles that the device was opened with: the peers get them too. */
  readonly toggles: readonly string[];
  /** Loads the model of the end-to-end rows, when one of them needs it. */
  readonly endToEnd: () => Promise<EndToEnd>;
  /** A model that is prefilled and decoded beside the peers, where `only` names nothing else. */
  readonly generation?: { readonly options: GenerationOptions } | undefined;
  /** Costs over a range of values, where `only` names nothing else. */
  readonly sweep?: ({ readonly requests: readonly SweepRequest[] } & Pick<SweepOptions, 'rounds'>) | undefined;
  /** Called before the rows of a section. */
  readonly section: (title: string) => void;
  readonly emit: (row: Row) => void;
  readonly note: (line: string) => void;
  readonly onTurn?: OnTurn | undefined;
}

/**
 * Measures the adapter's roofline, every kernel, the engine end to end, and trimtab against its peers.
 * @throws UserError for a name in `only` that nothing has, before anything is measured
 */
export async function runBench(device: Device, options: BenchOptions): Promise<Rows> {
  const { models, section, emit } = options;
  const only = options.only ?? (options.sweep ? [] : options.generation && [...GENERATION_NAMES]);
  const wanted = (name: string) => only === undefined || only.includes(name);
  const families = await chooseFamilies(only);

  section('Roofline');
  options.onTurn?.('roofline', 0, 1);
  const roofline = await measureRoofline(device);
  options.onTurn?.('roofline', 1, 1);
  const rows = new Rows(device.caps.adapter, roofline);
  for (const { name, shape, dtype, timing, flops, bytes } of roofline.rows) {
    emit(rows.timed({ name, impl: 'trimtab', shape, dtype }, timing, bytes > 0 ? { flops, bytes } : undefined));
  }
  for (const family of options.compared ? [] : families) {
    const wantedCases = (await family.cases(models)).filter((c) => wanted(family.name) || wanted(c.kernel));
    const cases = wantedCases.map((c) => [`${c.kernel} ${c.shape}`, c] as const);
    section(`Kernels: ${family.name}`);
    for (const [i, [id, c]] of cases.entries()) {
      options.onTurn?.(`kernels of ${family.name}`, i, cases.length, id);
      emit(await caseRow(device, rows, c, options.all));
    }
    if (cases.length > 0) options.onTurn?.(`kernels of ${family.name}`, cases.length, cases.length, '');
    device.arena.trim();
  }
  if (END_TO_END_NAMES.some(wanted)) {
    section('End to end');
    await endToEndRows(await options.endToEnd(), rows, wanted, options.profile, emit);
    device.arena.trim();
  }
  if (DECODING_NAMES.some(wanted) || wanted(RECORD_NAME)) {
    section('Decoding');
    await decodingRows(await options.endToEnd(), rows, wanted, options.profile, emit);
    device.arena.trim();
  }
  if (TRAINING_NAMES.some(wanted) || wanted(RECORD_NAME)) {
    section('Training');
    await trainingRows(await options.endToEnd(), rows, wanted, options.profile, emit);
    device.arena.trim();
  }
  const compared = problems(models, device.caps.isSoftware).filter(({ name }) => wanted(name));
  if (compared.length > 0) {
    section('Compared, by the clock, in turns');
    const peers = options.peers ? await openPeers({ toggles: options.toggles }, options.peersFolder, options.note) : [];
    const comparison = new Comparison(device, rows, peers, options.all);
    for (const [i, problem] of compared.entries()) {
      const turn = (what: string) =>
        options.onTurn?.('comparisons', i, compared.length, `${problem.name} ${problem.shape}, ${what}`);
      for (const row of await comparison.rows(problem, turn)) emit(row);
    }
    options.onTurn?.('comparisons', compared.length, compared.length, '');
  }
  if (options.generation && GENERATION_NAMES.some(wanted)) {
    section('Generation, by the clock, in turns');
    const { lm } = await options.endToEnd();
    await generationRows(lm, rows, options.generation.options, emit);
  }
  if (options.sweep) {
    const { requests, ...turns } = options.sweep;
    const onTurn = (done: number, total: number, what: string) => options.onTurn?.('sweep', done, total, what);
    await sweepRows(await options.endToEnd(), rows, requests, { ...turns, all: options.all, emit, section, onTurn });
  }
  return rows;
}

/**
 * The families that `only` names, and those that a kernel's name contains: `rows` for gather_rows.
 */
async function chooseFamilies(only: readonly string[] | undefined): Promise<Family[]> {
  if (only === undefined) return [...FAMILIES];
  const known = new Set<string>([
    ...PROBLEM_NAMES,
    ...END_TO_END_NAMES,
    ...DECODING_NAMES,
    ...TRAINING_NAMES,
    ...GENERATION_NAMES,
    RECORD_NAME,
    ...FAMILIES.map((family) => family.name),
  ]);
  const kernels = only.filter((name) => !known.has(name));
  const chosen: Family[] = [];
  for (const family of FAMILIES) {
    if (only.includes(family.name)) {
      chosen.push(family);
    } else if (kernels.some((kernel) => kernel.includes(family.name))) {
      for (const kernel of await family.kernels()) known.add(kernel);
      chosen.push(family);
    }
  }
  const unknown = only.find((name) => !known.has(name));
  if (unknown === undefined) return chosen;
  throw new UserError(
    `--only names ${JSON.stringify(unknown)}, and there is no such row. There are: ${[...known].sort().join(', ')}; and the kernels of these families by name.`,
  );
}
