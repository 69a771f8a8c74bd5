import { describe, expect, it } from 'vitest';
import { checkedReward, correctReward, formatReward, type RewardInput } from '../../src/eval/rewards.ts';

function input(completion: string, answer = '\\frac{1}{2}'): RewardInput {
  const problem = { question: 'q', answer, index: 0, source: 'test:1' };
  return {
    prompt: 'q',
    completion,
    answer,
    problem,
    finishReason: 'stop',
    step: 3,
    promptIndex: 1,
    completionIndex: 2,
  };
}

describe('the built-in rewards', () => {
  it('pay for the right box by what it says, and for no other place of the answer', async () => {
    const reward = correctReward('boxed');
    expect(await reward(input('\\boxed{0.5}'))).toBe(1);
    expect(await reward(input('\\boxed{5}'))).toBe(-1);
    expect(await reward(input('The answer is 0.5.'))).toBe(-1);
    expect(await correctReward('answer_is')(input('The answer is 0.5.'))).toBe(1);
  });

  it('pay for any filled box where the format alone is asked', () => {
    expect(formatReward(input('\\boxed{7}'))).toBe(1);
    expect(formatReward(input('\\boxed{}'))).toBe(-1);
  });
});

describe('checkedReward', () => {
  it('takes numbers and promises of numbers', async () => {
    expect(await checkedReward(() => 0.5, 'own', input(''))).toBe(0.5);
    expect(await checkedReward(async () => 0.25, 'own', input(''))).toBe(0.25);
  });

  it.each([
    ['NaN', async () => Number.NaN, 'gave NaN'],
    ['nothing', (() => undefined) as never, 'gave undefined'],
    [
      'an error',
      () => {
        throw new TypeError('of its own');
      },
      'of its own',
    ],
    ['a promise that fails', () => Promise.reject(new TypeError('of its own')), 'of its own'],
  ])('refuses %s and says which completion it was for', async (_, reward, said) => {
    const refused = expect(checkedReward(reward, 'own', input(''))).rejects;
    await refused.toThrow(said);
    await expect(checkedReward(reward, 'own', input(''))).rejects.toThrow('completion 2 of prompt 1 at step 3');
  });
});
