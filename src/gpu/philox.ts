/**
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011), as in Random123.
 * A pure function from counter and key to four words: a run's random numbers depend on its seed and on what they are for,
 * never on the batch, the order of work or the machine.
 *
 * Layout everywhere in trimtab: key = (seed, domain), counter = (step, prompt, completion, position).
 */

/** Second word of the key: what the numbers are for. The values are part of the file format: a change breaks resume. */
export const DOMAIN = { SAMPLE: 0, RANDOM_REWARD: 1, DATA_ORDER: 2, BOOTSTRAP: 3, EVAL_SAMPLE: 4 } as const;

type Words4 = readonly [number, number, number, number];

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/** High word of a 32 x 32 bit product, from 16-bit halves: every partial product is exact in a double. */
function mulhi(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/**
 * Four random 32-bit words.
 * @param counter four words, each taken modulo 2^32
 * @param key two words, each taken modulo 2^32
 */
export function philox4x32(counter: Words4 | Uint32Array, key: readonly [number, number] | Uint32Array): Uint32Array {
  let [c0, c1, c2, c3] = [
    (counter[0] ?? 0) >>> 0,
    (counter[1] ?? 0) >>> 0,
    (counter[2] ?? 0) >>> 0,
    (counter[3] ?? 0) >>> 0,
  ];
  let [k0, k1] = [(key[0] ?? 0) >>> 0, (key[1] ?? 0) >>> 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [high0, low0] = [mulhi(M0, c0), Math.imul(M0, c0)];
    const [high1, low1] = [mulhi(M1, c2), Math.imul(M1, c2)];
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1 >>> 0, (high0 ^ c3 ^ k1) >>> 0, low0 >>> 0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return Uint32Array.of(c0, c1, c2, c3);
}

/** An integer in [0, n) from a word; n at most 2^21 (the product stays exact). */
export function toIndex(word: number, n: number): number {
  return Math.floor(((word >>> 0) * n) / 2 ** 32);
}

/** A permutation of 0..n-1 (Fisher-Yates), the same for the same seed and epoch on every machine. */
export function shuffled(n: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i -= 1) {
    const [word = 0] = philox4x32([epoch, i, 0, 0], [seed, DOMAIN.DATA_ORDER]);
    const j = toIndex(word, i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}
