/** A fraction of two whole numbers, exact. */
export type Fraction = readonly [numerator: bigint, denominator: bigint];

export function binomial(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let result = 1n;
  for (let i = 1n; i <= BigInt(k); i += 1n) result = (result * (BigInt(n) - i + 1n)) / i;
  return result;
}

/** Nearest double to within 2^-80: a big fraction's terms do not fit doubles themselves. */
export function toNumber([numerator, denominator]: Fraction): number {
  const scale = 1n << 80n;
  return Number((numerator * scale) / denominator) / 2 ** 80;
}

/** pass@k by its definition: 1 − C(n − c, k) / C(n, k). */
export function passAtK(n: number, c: number, k: number): Fraction {
  const all = binomial(n, k);
  return [all - binomial(n - c, k), all];
}

/** pass@k by counting: the share of all subsets of k samples that hold a right one. For small n. */
export function passAtKByCounting(correct: readonly boolean[], k: number): Fraction {
  let [hits, all] = [0n, 0n];
  for (let subset = 0; subset < 2 ** correct.length; subset += 1) {
    const members = correct.filter((_, i) => (subset >> i) & 1);
    if (members.length !== k) continue;
    all += 1n;
    if (members.some(Boolean)) hits += 1n;
  }
  return [hits, all];
}

/** maj@k by its definition, quadratic: the answer with most equals among the first k; of several the first given. */
export function majAtK(samples: readonly { answer: string | null; correct: boolean }[], k: number): boolean {
  const voters = samples.slice(0, k).filter(({ answer }) => answer !== null);
  const support = voters.map(({ answer }) => voters.filter((other) => other.answer === answer).length);
  const best = support.indexOf(Math.max(...support));
  return voters[best]?.correct ?? false;
}

/** Two-sided exact McNemar: 2 Σ_{i ≤ min(b, c)} C(b + c, i) / 2^(b + c), at most 1. */
export function mcnemarP(b: number, c: number): number {
  let tail = 0n;
  for (let i = 0; i <= Math.min(b, c); i += 1) tail += binomial(b + c, i);
  return Math.min(1, toNumber([2n * tail, 1n << BigInt(b + c)]));
}
