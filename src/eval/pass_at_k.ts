/**
 * The unbiased estimate of pass@k from n samples of one problem, c of them right (Chen et al. 2021, "Evaluating large language
 * models trained on code", equation 1): 1 − C(n − c, k) / C(n, k), the chance that k of the n, drawn without putting
 * back, hold a right one. As a product of c factors, so that nothing overflows.
 * @throws RangeError unless 1 ≤ k ≤ n and 0 ≤ c ≤ n: fewer samples than k say nothing of pass@k
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(k >= 1 && k <= n && c >= 0 && c <= n)) throw new RangeError(`pass@${k} of ${n} samples, ${c} right`);
  if (n - c < k) return 1;
  let allWrong = 1;
  for (let i = n - c + 1; i <= n; i += 1) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

/** One sample as maj@k sees it. */
interface Vote {
  /** Place of the first sample of the problem with an equal answer (its own where there is none); null: no answer, no vote. */
  readonly vote: number | null;
  readonly correct: boolean;
}

/**
 * Whether the answer that most of the first k samples give is right. A sample without an answer has no vote; of answers with
 * the same number of votes the one that was given first counts; with no vote at all nothing is right.
 * @param samples in their order, at least k
 */
export function majAtK(samples: readonly Vote[], k: number): boolean {
  if (!(k >= 1 && k <= samples.length)) throw new RangeError(`maj@${k} of ${samples.length} samples`);
  const votes = new Map<number, number>();
  for (const { vote } of samples.slice(0, k)) if (vote !== null) votes.set(vote, (votes.get(vote) ?? 0) + 1);
  let [winner, most] = [-1, 0];
  // A Map keeps the order in which the answers first came.
  for (const [vote, count] of votes) if (count > most) [winner, most] = [vote, count];
  return winner >= 0 && (samples[winner] as Vote).correct;
}

/** 1, 2, 4, … up to n, and n itself: where a pass@k curve is read unless somebody says otherwise. */
export function powersUpTo(n: number): number[] {
  const ks: number[] = [];
  for (let k = 1; k < n; k *= 2) ks.push(k);
  return [...ks, n];
}
