import { describe, expect, it } from 'vitest';
import { randomReward } from '../../src/eval/rewards.ts';
import { DOMAIN, philox4x32, shuffled, toIndex } from '../../src/gpu/philox.ts';
import golden from '../golden/philox.json';

const problem = { question: '', answer: '', index: 0, source: '' };
const input = (step: number, promptIndex: number, completionIndex: number) =>
  ({
    prompt: '',
    completion: '',
    answer: '',
    problem,
    finishReason: 'stop',
    step,
    promptIndex,
    completionIndex,
  }) as const;

describe('philox4x32', () => {
  // Random123, kat_vectors: philox4x32 with 10 rounds.
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the published words for counter %j', (counter, key, words) => {
    expect([...philox4x32(Uint32Array.from(counter), Uint32Array.from(key))]).toEqual(words);
  });

  it('gives the words of the reference implementation for other counters and keys', () => {
    for (const { counter, key, result } of golden) {
      expect([...philox4x32(Uint32Array.from(counter), Uint32Array.from(key))]).toEqual(result);
    }
  });

  it('gives words with the mean and variance of the uniform distribution', () => {
    const words = Array.from({ length: 5000 }, (_, i) => [...philox4x32([i, 0, 0, 0], [7, 0])]).flat();
    const units = words.map((word) => word / 2 ** 32);
    const mean = units.reduce((a, b) => a + b) / units.length;
    const variance = units.reduce((a, b) => a + (b - mean) ** 2, 0) / units.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.003);
  });

  it('keeps an index below its bound for the largest word', () => {
    expect(toIndex(0xffffffff, 3)).toBe(2);
    expect(toIndex(0, 3)).toBe(0);
    expect(toIndex(0xffffffff, 1 << 21)).toBe((1 << 21) - 1);
  });

  it('gives every purpose its own domain', () => {
    const domains = Object.values(DOMAIN);
    expect(new Set(domains).size).toBe(domains.length);
    expect([DOMAIN.SAMPLE, DOMAIN.RANDOM_REWARD, DOMAIN.DATA_ORDER]).toEqual([0, 1, 2]);
  });
});

describe('shuffled', () => {
  it('is a permutation that depends on seed and epoch alone', () => {
    const order = shuffled(100, 1, 0);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect([...shuffled(100, 1, 0)]).toEqual([...order]);
    expect([...shuffled(100, 1, 1)]).not.toEqual([...order]);
    expect([...shuffled(100, 2, 0)]).not.toEqual([...order]);
  });

  it('handles no and one element', () => {
    expect([...shuffled(0, 1, 0)]).toEqual([]);
    expect([...shuffled(1, 1, 0)]).toEqual([0]);
  });

  it('puts each element first about equally often', () => {
    const first = [0, 0, 0, 0];
    for (let seed = 0; seed < 4000; seed += 1)
      first[shuffled(4, seed, 0)[0] as number] = (first[shuffled(4, seed, 0)[0] as number] ?? 0) + 1;
    for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
});

describe('randomReward', () => {
  it('is a fair plus or minus one, the same for the same seed and place', () => {
    const reward = randomReward(3);
    const values = Array.from({ length: 4000 }, (_, i) => reward(input(i >> 6, (i >> 3) & 7, i & 7)));
    expect(new Set(values)).toEqual(new Set([1, -1]));
    expect(Math.abs(values.reduce((a, b) => a + b))).toBeLessThan(4 * Math.sqrt(4000));
    expect(values).toEqual(Array.from({ length: 4000 }, (_, i) => randomReward(3)(input(i >> 6, (i >> 3) & 7, i & 7))));
    expect(values).not.toEqual(
      Array.from({ length: 4000 }, (_, i) => randomReward(4)(input(i >> 6, (i >> 3) & 7, i & 7))),
    );
  });
});
