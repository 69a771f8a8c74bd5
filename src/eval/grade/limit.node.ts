import { Script } from 'node:vm';
import { type CompareOptions, judge, type Verdict } from './judge.ts';
import { type LimitedJudge, TIME_LIMIT, TIMED_OUT } from './limit.ts';

/** Where the script below finds its work: a script sees nothing but the global object. */
const SLOT = Symbol.for('trimtab.judge');
const script = new Script(`globalThis[Symbol.for('trimtab.judge')]()`);

/** Runs `work` under V8's watchdog, a thread of its own that ends it in the middle of a loop or of a regular expression. */
export function interrupted<T>(work: () => T, milliseconds: number): T | undefined {
  const slot = globalThis as Record<symbol, unknown>;
  slot[SLOT] = work;
  try {
    return script.runInThisContext({ timeout: milliseconds }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  } finally {
    delete slot[SLOT];
  }
}

export const limitedJudge: LimitedJudge = async (
  answer: string,
  gold: string,
  options: CompareOptions,
): Promise<Verdict> => interrupted(() => judge(answer, gold, options), TIME_LIMIT) ?? TIMED_OUT;
