import type { Contender } from './measure.ts';
import type { Problem } from './problems.ts';

/** An implementation set up for one problem. */
export interface Contestant extends Contender {
  readonly impl: string;
  readonly note?: string;
  /** Runs it once and compares the result with f64: the largest error relative to the largest value. */
  error(): Promise<number>;
  free(): void;
}

/** A library that can be set against trimtab. */
export interface Peer {
  readonly impl: string;
  /** Whether its own code is native, and only its door is JavaScript. */
  readonly native?: boolean;
  /** Whether it has the operation; by default it has all. */
  supports?(problem: Problem): boolean;
  prepare(problem: Problem, inputs: Record<string, Float32Array>): Promise<Contestant>;
}
