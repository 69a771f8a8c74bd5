import { UserError } from '../gpu/errors.ts';
import { DOMAIN, philox4x32 } from '../gpu/philox.ts';
import type { Problem } from './data.ts';
import { hasFilledBox } from './grade/boxes.ts';
import type { AnswerKind } from './grade/extract.ts';
import { grade } from './grade/grade.ts';

/** What a reward function sees of one sampled completion. */
export interface RewardInput {
  /** The text that the model was given, chat markup included. */
  prompt: string;
  /** The sampled text up to the stop string, without the end-of-sequence token. */
  completion: string;
  /** The problem's gold answer. */
  answer: string;
  problem: Problem;
  /** `stop`: the model ended by itself or by a stop string; `length`: cut off at max_completion_length. */
  finishReason: 'stop' | 'length';
  /** Counts from 0: the training step, the prompt's place in the step, the completion's place in its group. */
  step: number;
  promptIndex: number;
  completionIndex: number;
}

/**
 * Maps a completion to a finite number, or a promise of one, higher is better. A module of the user's own exports one as its default.
 * It has to be a pure function of its input, or a resumed run differs from one that was not interrupted.
 */
export type RewardFunction = (input: RewardInput) => number | Promise<number>;

/** +1 where the verifier finds the gold answer, otherwise -1, a missing answer included (the paper's reward). */
export function correctReward(kind: AnswerKind): RewardFunction {
  return async ({ completion, answer }) => ((await grade(completion, answer, kind)).correct ? 1 : -1);
}

/** Control: +1 for any box that is not empty, right or wrong, otherwise -1. */
export const formatReward: RewardFunction = ({ completion }) => (hasFilledBox(completion) ? 1 : -1);

/** Control: a fair +1 or -1 that knows nothing of the completion, from the run's counter-based numbers. */
export function randomReward(seed: number): (input: RewardInput) => number {
  return ({ step, promptIndex, completionIndex }) => {
    const [word = 0] = philox4x32([step, promptIndex, completionIndex, 0], [seed, DOMAIN.RANDOM_REWARD]);
    return word >>> 31 === 0 ? -1 : 1;
  };
}

/** The built-in reward of that name; undefined for the path of a module. */
export function builtinReward(name: string, kind: AnswerKind, seed: number): RewardFunction | undefined {
  if (name === 'correct') return correctReward(kind);
  if (name === 'format') return formatReward;
  if (name === 'random') return randomReward(seed);
  return undefined;
}

/** Calls a reward function and refuses what is no finite number: NaN would silently spoil every vector. */
export async function checkedReward(reward: RewardFunction, name: string, input: RewardInput): Promise<number> {
  const where = `completion ${input.completionIndex} of prompt ${input.promptIndex} at step ${input.step}`;
  let value: unknown;
  try {
    value = await reward(input);
  } catch (error) {
    const what =
      error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 2).join(' ') : String(error);
    throw new UserError(`reward ${name} failed for ${where}: ${what}`);
  }
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new UserError(
    `reward ${name} gave ${String(value)} for ${where}: ` +
      'a finite number is expected. Return one from the function for every completion, empty ones included.',
  );
}
