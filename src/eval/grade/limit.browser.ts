import type { CompareOptions, Verdict } from './judge.ts';
import { type LimitedJudge, TIME_LIMIT, TIMED_OUT } from './limit.ts';

/**
 * Judges in a worker, one comparison at a time: its time runs from when the worker has nothing else to do. A worker that
 * takes longer is ended, and the next comparison starts another.
 * @param start makes a worker that answers each message {answer, gold, options} with a verdict
 */
export function judgeInWorker(start: () => Promise<Worker>, milliseconds: number): LimitedJudge {
  let worker: Promise<Worker> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const ask = async (answer: string, gold: string, options: CompareOptions): Promise<Verdict> => {
    worker ??= start();
    const judge = await worker.catch((error: unknown) => {
      worker = undefined;
      throw error;
    });
    return new Promise<Verdict>((resolve, reject) => {
      const end = () => {
        judge.terminate();
        worker = undefined;
      };
      const timer = setTimeout(() => {
        end();
        resolve(TIMED_OUT);
      }, milliseconds);
      judge.onmessage = ({ data }: MessageEvent<Verdict>) => {
        clearTimeout(timer);
        resolve(data);
      };
      judge.onerror = (event) => {
        event.preventDefault();
        clearTimeout(timer);
        end();
        reject(new Error(`The worker that compares answers failed: ${event.message}`));
      };
      judge.postMessage({ answer, gold, options });
    });
  };

  return (answer, gold, options) => {
    const verdict = last.then(() => ask(answer, gold, options));
    last = verdict.catch(() => undefined);
    return verdict;
  };
}

/** Loaded with the first comparison that needs it: a page that grades plain numbers never does. */
async function startWorker(): Promise<Worker> {
  const { default: JudgeWorker } = await import('./judge_worker.ts?worker&inline');
  return new JudgeWorker();
}

export const limitedJudge: LimitedJudge = judgeInWorker(startWorker, TIME_LIMIT);
