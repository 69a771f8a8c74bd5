import { describe, expect, it } from 'vitest';
import { judgeInWorker, limitedJudge } from '../../../src/eval/grade/limit.browser.ts';
import { TIMED_OUT } from '../../../src/eval/grade/limit.ts';

function workerOf(source: string): Promise<Worker> {
  return Promise.resolve(new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))));
}

describe('the limit of time', () => {
  it('ends a worker in a loop without an end, and starts another for the next comparison', async () => {
    let started = 0;
    const judge = judgeInWorker(() => {
      started += 1;
      return workerOf(
        started === 1
          ? 'onmessage = () => { for (;;); };'
          : 'onmessage = () => postMessage({ same: true, why: "second" });',
      );
    }, 1000);
    const both = [judge('1', '2', {}), judge('1', '2', {})];
    expect(await Promise.all(both)).toEqual([TIMED_OUT, { same: true, why: 'second' }]);
    expect(started).toBe(2);
  });

  it('says that a worker failed, and does not call an answer wrong for it', async () => {
    const judge = judgeInWorker(() => workerOf('onmessage = () => { throw new Error("own"); };'), 60_000);
    await expect(judge('1', '2', {})).rejects.toThrow('own');
  });

  it('compares in the worker of the library', async () => {
    expect(await limitedJudge('(x+1)^2', 'x^2+2x+1', {})).toEqual({ same: true, why: 'equal values' });
  });
});
