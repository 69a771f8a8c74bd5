import { type Timing, timing } from '../src/gpu/timing.ts';

/** Something that is timed against others: `batch` runs it `times` times and waits for the last. */
export interface Contender {
  /** Executions that one of a batch stands for; 1 unless it says otherwise. */
  readonly executions?: number;
  batch(times: number): Promise<void>;
}

/** Times of one contender, with each turn's own: turn i of one is beside turn i of another where all have equal rounds. */
export interface Turns extends Timing {
  readonly samples: readonly number[];
}

/** Median and quartiles of the ratios of what was measured side by side: what slows both falls out of each. */
export function ratios(of: readonly number[], to: readonly number[]): Timing {
  return timing(
    of.map((value, i) => value / (to[i] as number)),
    'wall',
  );
}

/** Turns of every contender, and the least time that a batch takes where one execution is short. */
const ROUNDS = 7;
const SLOW_ROUNDS = 3;
const BATCH_MS = 8;
const MAX_BATCH = 100;
/** Batches of a turn, at most: so many as are done while the slowest contender does one. */
const MAX_TURN = 4;

/**
 * Times contenders by the clock in turns, A B C C B A, so that what else the machine does falls on all alike, and none always
 * comes after the same other.
 * @param equalRounds that many rounds with one batch of each; by default the fast have more batches than the slow
 * @param onTurn called with the turns that are done, of how many: at the beginning, after the first runs of each contender, and
 * after each of its turns
 * @returns milliseconds of one execution, in the order of the contenders.
 */
export async function interleaved(
  contenders: readonly Contender[],
  equalRounds?: number,
  onTurn?: (done: number, total: number) => void,
): Promise<Turns[]> {
  const clock = async (contender: Contender, times: number) => {
    const start = performance.now();
    await contender.batch(times);
    return (performance.now() - start) / times;
  };
  const plans: { contender: Contender; times: number; batchMs: number; samples: number[] }[] = [];
  let turns = 0;
  let total = contenders.length * (1 + (equalRounds ?? ROUNDS));
  onTurn?.(turns, total);
  for (const contender of contenders) {
    // The first compiles; where it is slow all the same, one more tells nothing that the rounds do not.
    let once = await clock(contender, 1);
    if (once < 50 * BATCH_MS) once = await clock(contender, 1);
    if (once < BATCH_MS) once = Math.min(once, await clock(contender, 4));
    const times = Math.min(MAX_BATCH, Math.max(1, Math.ceil(BATCH_MS / once)));
    plans.push({ contender, times, batchMs: times * once, samples: [] });
    onTurn?.(++turns, total);
  }
  const slowest = Math.max(...plans.map((plan) => plan.batchMs));
  const rounds = equalRounds ?? (slowest > 1000 ? SLOW_ROUNDS : ROUNDS);
  total = contenders.length * (1 + rounds);
  for (let round = 0; round < rounds; round++) {
    for (const { contender, times, batchMs, samples } of round % 2 ? plans.toReversed() : plans) {
      const turn = equalRounds ? 1 : Math.min(MAX_TURN, Math.floor(slowest / batchMs));
      for (let i = 0; i < turn; i++) samples.push(await clock(contender, times));
      onTurn?.(++turns, total);
    }
  }
  return plans.map(({ samples, contender: { executions = 1 } }) => {
    const each = samples.map((ms) => ms / executions);
    return { ...timing(each, 'wall'), samples: each };
  });
}
