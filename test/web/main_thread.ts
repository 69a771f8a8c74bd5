import { expect } from 'vitest';
import type { Tab } from './harness.ts';

/** A task of the page's main thread that kept it for long, in milliseconds. */
interface Task {
  /** By the clock: also what the thread waited for a core, where others had them all. */
  readonly wall: number;
  /** Of a core: what the page's own work took. */
  readonly cpu: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string; readonly data?: { readonly frames?: readonly Frame[] } };
}

interface Frame {
  readonly url: string;
  readonly processId?: number;
}

/** Of the task that everything watched is to end with: longer than what is looked for. */
const PROBE_MS = 200;

/** Keeps the main thread busy, in a task of the page's own: the observer does not count what is evaluated from outside. @returns milliseconds */
function probe(tab: Tab): Promise<number> {
  return tab.page.evaluate(
    (ms) =>
      new Promise<number>((resolve) => {
        setTimeout(() => {
          const from = performance.now();
          while (performance.now() - from < ms);
          resolve(performance.now() - from);
        });
      }),
    PROBE_MS,
  );
}

/** Milliseconds by the clock of each task above 50 of the page's main thread while `work` goes on, as the observer of long tasks tells them. */
export async function observedDuring(tab: Tab, work: () => Promise<void>): Promise<number[]> {
  const from = await tab.page.evaluate(() => performance.now());
  await work();
  const probed = await probe(tab);
  const during = async () => (await tab.longTasks()).filter(({ start }) => start >= from).map(({ ms }) => ms);
  // The observer tells later: what it told before the probe was all. Its milliseconds are whole.
  await expect.poll(during, { message: 'the task at the end is seen' }).toSatisfy((all) => all.at(-1) > probed - 1);
  return (await during()).slice(0, -1);
}

/**
 * The tasks above `limit` ms by the clock of the page's main thread while `work` goes on, out of Chrome's own trace, which
 * says what the task itself took: a software adapter takes every core, and a task of 2 ms that waited 60 for its turn is no
 * fault of the page's. Nor is the compositor of the page before a reload, which Chrome takes down on the same thread and waits
 * for hundreds of milliseconds.
 */
export async function longTasksDuring(tab: Tab, work: () => Promise<void>, limit = 50): Promise<Task[]> {
  const browser = tab.page.context().browser();
  if (!browser) throw new Error('the page has no browser');
  await browser.startTracing(tab.page, { categories: ['disabled-by-default-devtools.timeline'] });
  await work();
  // A trace that is full ends without a word, and one without the thread's own clock would say that nothing took long.
  const probed = await probe(tab);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const frames = traceEvents.find(({ name }) => name === 'TracingStartedInBrowser')?.args?.data?.frames ?? [];
  const url = new URL(tab.page.url()).origin;
  const pid = frames.find((frame) => frame.url.startsWith(url))?.processId;
  const main = traceEvents.find((e) => e.name === 'thread_name' && e.pid === pid && e.args?.name === 'CrRendererMain');
  if (!main) throw new Error('the trace does not say which thread is the main one');
  const tasks = traceEvents.filter((e) => e.ph === 'X' && e.pid === pid && e.tid === main.tid && e.name === 'RunTask');
  if (tasks.length === 0) throw new Error('the trace has no task of the main thread');
  const long = tasks
    .map(({ dur = 0, tdur }) => ({ wall: dur / 1000, cpu: (tdur ?? dur) / 1000 }))
    .filter(({ wall }) => wall > limit);
  const last = long.findLastIndex(({ wall }) => wall >= probed);
  if (last < 0) throw new Error(`a task of ${probed} ms at the end is not in the trace: it says nothing of the others`);
  return long.toSpliced(last, 1);
}
