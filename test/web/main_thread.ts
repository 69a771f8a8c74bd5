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

/** Of the task that every trace is to end with: longer than what is looked for. */
const PROBE_MS = 200;

/**
 * The tasks above `limit` ms by the clock of the page's main thread while `work` goes on, out of Chrome's own trace. The observer
 * of long tasks knows the clock alone, and a software adapter takes every core: a task of 2 ms that waited 60 for its turn is
 * no fault of the page's. The trace says what the task itself took.
 */
export async function longTasksDuring(tab: Tab, work: () => Promise<void>, limit = 50): Promise<Task[]> {
  const browser = tab.page.context().browser();
  if (!browser) throw new Error('the page has no browser');
  await browser.startTracing(tab.page, { categories: ['disabled-by-default-devtools.timeline'] });
  await work();
  // A trace that is full ends without a word, and one without the thread's own clock would say that nothing took long.
  const probed = await tab.page.evaluate((ms) => {
    const from = performance.now();
    while (performance.now() - from < ms);
    return performance.now() - from;
  }, PROBE_MS);
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
  const probe = long.findLastIndex(({ wall }) => wall >= probed);
  if (probe < 0)
    throw new Error(`a task of ${probed} ms at the end is not in the trace: it says nothing of the others`);
  return long.toSpliced(probe, 1);
}
