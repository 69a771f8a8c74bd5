export interface LossInputs {
  readonly logp: Float64Array;
  readonly refLogp?: Float64Array | undefined;
  readonly oldLogp?: Float64Array | undefined;
  /** [P, 2] as `sequenceRatio` gives it. */
  readonly ratio?: Float64Array | undefined;
  readonly advantage: Float64Array;
  readonly weight: Float64Array;
}

export interface LossOptions {
  readonly beta: number;
  readonly epsilonLow?: number;
  readonly epsilonHigh?: number;
}

/** The loss of pair i as a function of its log-probability, and its weighted divergence. */
export function pairLoss(t: LossInputs, o: LossOptions, i: number, logp: number): { loss: number; divergence: number } {
  const a = t.advantage[i] as number;
  let loss = -a * logp;
  if (t.oldLogp) {
    const ratio = Math.exp(t.ratio ? (t.ratio[2 * i] as number) : logp - (t.oldLogp[i] as number));
    const clipped = Math.min(Math.max(ratio, 1 - (o.epsilonLow ?? 0.2)), 1 + (o.epsilonHigh ?? 0.2));
    loss = -Math.min(ratio * a, clipped * a);
  }
  if (!t.refLogp) return { loss, divergence: 0 };
  const d = (t.refLogp[i] as number) - logp;
  const divergence = (t.weight[i] as number) * (Math.expm1(d) - d);
  return { loss: loss + o.beta * divergence, divergence };
}

/** coef [P] = d loss / d logp, terms [P, 2] = (loss, weight · k3). */
export function policyLoss(t: LossInputs, o: LossOptions): { coef: Float64Array; terms: Float64Array } {
  const coef = new Float64Array(t.logp.length);
  const terms = new Float64Array(2 * t.logp.length);
  t.logp.forEach((logp, i) => {
    const { loss, divergence } = pairLoss(t, o, i, logp);
    terms.set([loss, divergence], 2 * i);
    const a = t.advantage[i] as number;
    let gradient = -a;
    if (t.oldLogp) {
      const ratio = Math.exp(t.ratio ? (t.ratio[2 * i] as number) : logp - (t.oldLogp[i] as number));
      const clipped = a > 0 ? ratio > 1 + (o.epsilonHigh ?? 0.2) : ratio < 1 - (o.epsilonLow ?? 0.2);
      gradient = clipped ? 0 : -ratio * a * (t.ratio?.[2 * i + 1] ?? 1);
    }
    if (t.refLogp) gradient -= o.beta * (t.weight[i] as number) * Math.expm1((t.refLogp[i] as number) - logp);
    coef[i] = gradient;
  });
  return { coef, terms };
}

/** [P, 2]: for each pair the log-ratio of its completion (sum or mean over its pairs), and d ratio / d logp times their number. */
export function sequenceRatio(
  t: { logp: Float64Array; oldLogp: Float64Array; seqStart: Float64Array; seqPairs: Float64Array },
  mean: boolean,
): Float64Array {
  const out = new Float64Array(2 * t.logp.length);
  for (let s = 0; s + 1 < t.seqStart.length; s++) {
    const pairs = Array.from(t.seqPairs.slice(t.seqStart[s], t.seqStart[s + 1]));
    const sum = pairs.reduce((total, p) => total + (t.logp[p] as number) - (t.oldLogp[p] as number), 0);
    for (const p of pairs) out.set(mean ? [sum / pairs.length, 1] : [sum, pairs.length], 2 * p);
  }
  return out;
}

export function reduceTerms(terms: Float64Array): Float64Array {
  const sums = new Float64Array(2);
  terms.forEach((term, i) => {
    sums[i % 2] = (sums[i % 2] as number) + term;
  });
  return sums;
}
