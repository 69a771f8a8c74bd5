import { computed, signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { Row } from '../../../bench/row.ts';
import type { Roofline } from '../../../src/kernels/measure_roofline.ts';
import { engine, inWords } from '../../app/engine.ts';
import type { BenchOffer, PageEnvironment } from '../../worker/benchmarks.ts';
import { type BenchRun, parseRun, toJsonLines } from './results.ts';

/** The run outlives the view: whoever looks elsewhere meanwhile finds it again. */
export const offer = signal<BenchOffer | undefined>(undefined);
export const chosen = signal<ReadonlySet<string>>(new Set(['linear']));
export const shapes = signal<ReadonlySet<string>>(new Set(['demo']));
export const progress = signal<{ done: number; total: number; what: string } | undefined>(undefined);
export const stopping = signal(false);
export const problem = signal<string | undefined>(undefined);
/** What is wrong with a text to compare with. */
export const compareProblem = signal<string | undefined>(undefined);
export const roofline = signal<Pick<Roofline, 'gflops' | 'gbps'> | undefined>(undefined);
const environment = signal<PageEnvironment | undefined>(undefined);
export const rows = signal<readonly Row[]>([]);
export const run = computed<BenchRun | undefined>(() =>
  environment.value && rows.value.length > 0 ? { environment: environment.value, rows: rows.value } : undefined,
);
/** What the run is compared with, and its name. */
export const compared = signal<{ readonly name: string; readonly run: BenchRun } | undefined>(undefined);

export async function loadOffer(): Promise<void> {
  try {
    offer.value ??= await engine().benchmarks.offer();
  } catch (error) {
    problem.value = inWords(error);
  }
}

export async function start(): Promise<void> {
  problem.value = undefined;
  stopping.value = false;
  progress.value = { done: 0, total: 1, what: '' };
  const events = proxy({
    begun(now: PageEnvironment) {
      environment.value = now;
      rows.value = [];
    },
    progress(done: number, total: number, what: string) {
      // What is told last may come after the run's own answer.
      if (progress.value) progress.value = { done, total, what };
    },
    roofline(measured: Pick<Roofline, 'gflops' | 'gbps'>) {
      roofline.value = measured;
    },
    row(row: Row) {
      rows.value = [...rows.value, row];
    },
  });
  try {
    await engine().benchmarks.run({ kernels: [...chosen.value], shapes: [...shapes.value] }, events);
  } catch (error) {
    problem.value = inWords(error);
  } finally {
    progress.value = undefined;
  }
}

export async function stop(): Promise<void> {
  stopping.value = true;
  await engine().benchmarks.stop();
}

/** A run in the page's storage. */
export interface SavedRun {
  readonly name: string;
  /** As `toJsonLines` writes it. */
  readonly text: string;
}

const KEY = 'trimtab.benchmarks';
/** Together they have to fit the few megabytes that a page may keep so. */
const MOST_SAVED = 20;

export const saved = signal<readonly SavedRun[]>(readSaved());

function readSaved(): SavedRun[] {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '[]') as SavedRun[];
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

export function save(of: BenchRun): void {
  const { adapter, date = '' } = of.environment;
  const name = `${date.slice(0, 16).replace('T', ' ')}, ${of.rows.length} rows, ${adapter}`;
  keep([{ name, text: toJsonLines(of) }, ...saved.value.filter((other) => other.name !== name)].slice(0, MOST_SAVED));
}

export function forget(name: string): void {
  keep(saved.value.filter((other) => other.name !== name));
}

function keep(all: readonly SavedRun[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
    saved.value = all;
  } catch {
    problem.value = 'The browser gives this page no more space for runs: forget one first.';
  }
}

/** Compares with the rows in a text; says in `compareProblem` what is wrong with it. */
export function compareWith(name: string, text: string): void {
  try {
    compared.value = { name, run: parseRun(text) };
    compareProblem.value = undefined;
  } catch (error) {
    compareProblem.value = `${name} is not what trimtab bench --json or Copy JSON gives. ${error instanceof Error ? error.message : String(error)}`;
  }
}
