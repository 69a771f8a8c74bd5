import { proxy } from 'comlink';
import { Benchmarks } from './benchmarks.ts';
import { Inspection } from './inspection.ts';
import { Models } from './models.ts';
import { ResidualPath } from './residual_path.ts';
import { Runs } from './runs.ts';
import { Session } from './session.ts';
import { Steer } from './steer.ts';
import { Training } from './training.ts';

/** All that the page asks of the worker, one part a view; each shares the session's GPU and model. */
export function createEngine() {
  const session = new Session();
  const runs = new Runs();
  return {
    session: proxy(session),
    models: proxy(new Models(session)),
    runs: proxy(runs),
    training: proxy(new Training(session, runs)),
    steer: proxy(new Steer(session)),
    inspection: proxy(new Inspection(session)),
    path: proxy(new ResidualPath(session)),
    benchmarks: proxy(new Benchmarks(session)),
  };
}

export type Engine = ReturnType<typeof createEngine>;
