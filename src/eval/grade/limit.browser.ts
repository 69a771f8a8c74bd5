import type { CompareOptions, Verdict } from './judge.ts';
import { type LimitedJudge, TIME_LIMIT, TIMED_OUT } from './limit.ts';

let worker: Promise<Worker> | undefined;
/** One comparison at a time: its time runs from when the worker has nothing else to do. */
let last: Promise<unknown> = Promise.resolve();

/** Loaded with the first comparison that needs it: a page that grades plain numbers never does. */
function started(): Promise<Worker> {
  worker ??= import('./judge_worker.ts?worker&inline').then(({ default: JudgeWorker }) => new JudgeWorker());
  worker.catch(() => {
    worker = undefined;
  });
  return worker;
}

async function ask(answer: string, gold: string, options: CompareOptions): Promise<Verdict> {
  const judge = await started();
  return new Promise<Verdict>((resolve, reject) => {
    const stop = () => {
      judge.terminate();
      worker = undefined;
    };
    const timer = setTimeout(() => {
      stop();
      resolve(TIMED_OUT);
    }, TIME_LIMIT);
    judge.onmessage = ({ data }: MessageEvent<Verdict>) => {
      clearTimeout(timer);
      resolve(data);
    };
    judge.onerror = (event) => {
      clearTimeout(timer);
      stop();
      reject(new Error(`The worker that compares answers failed: ${event.message}`));
    };
    judge.postMessage({ answer, gold, options });
  });
}

export const limitedJudge: LimitedJudge = (answer, gold, options) => {
  const verdict = last.then(() => ask(answer, gold, options));
  last = verdict.catch(() => undefined);
  return verdict;
};
