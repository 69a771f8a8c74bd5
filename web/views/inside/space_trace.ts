import { useEffect, useRef, useState } from 'preact/hooks';
import { engine, inWords } from '../../app/engine.ts';
import type { PathRequest, PathResult } from '../../worker/residual_path.ts';

/** A slider that moves and a prompt that is typed ask often: so long after the last change the worker is asked. */
const DEBOUNCE_MS = 120;

export interface Trace {
  /** The newest that came back; it stays while the next one is computed. */
  readonly path: PathResult | undefined;
  readonly problem: string | undefined;
  readonly busy: boolean;
}

/**
 * The path for a request, computed again whenever it changes or one of `others` does, which it does not name: the model, the vectors. One request is under way at a time, and of those that come meanwhile only the last is made.
 */
export function useTrace(request: PathRequest | undefined, others: readonly unknown[]): Trace {
  const [trace, setTrace] = useState<Trace>({ path: undefined, problem: undefined, busy: false });
  const wanted = useRef<PathRequest | undefined>(undefined);
  const running = useRef(false);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);

  const run = async () => {
    if (running.current) return;
    running.current = true;
    while (wanted.current && mounted.current) {
      const next = wanted.current;
      wanted.current = undefined;
      setTrace((before) => ({ ...before, busy: true }));
      try {
        const path = await engine().path.trace(next);
        if (mounted.current) setTrace({ path, problem: undefined, busy: wanted.current !== undefined });
      } catch (error) {
        if (mounted.current) setTrace((before) => ({ ...before, problem: inWords(error), busy: false }));
      }
    }
    running.current = false;
  };

  const key = request && JSON.stringify(request);
  useEffect(() => {
    if (!request) return;
    const timer = setTimeout(() => {
      wanted.current = request;
      void run();
    }, DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [key, ...others]);
  return trace;
}
