import lossSource from '../../shaders/policy_loss.wgsl?raw';
import reduceSource from '../../shaders/reduce_terms.wgsl?raw';
import ratioSource from '../../shaders/sequence_ratio.wgsl?raw';
import { defineKernel, foldGrid, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';

const WG = 64;

const lossKernel = defineKernel({
  name: 'policy_loss',
  source: lossSource,
  entry: 'policy_loss',
  bindings: {
    logp: 'read array<f32>',
    ref_logp: 'read array<f32>',
    old_logp: 'read array<f32>',
    ratio: 'read array<vec2f>',
    advantage: 'read array<f32>',
    weight: 'read array<f32>',
    coef: 'read_write array<f32>',
    terms: 'read_write array<vec2f>',
  },
  params: { pairs: 'u32', beta: 'f32', ratio_low: 'f32', ratio_high: 'f32' },
  constants: { WG, KL: false, RATIO: false, SEQUENCE: false },
  workgroup: WG,
  cost: ({ pairs }) => ({ flops: 12 * pairs, bytes: 28 * pairs }),
});

const ratioKernel = defineKernel({
  name: 'sequence_ratio',
  source: ratioSource,
  entry: 'sequence_ratio',
  include: ['reduce'],
  bindings: {
    logp: 'read array<f32>',
    old_logp: 'read array<f32>',
    seq_start: 'read array<u32>',
    seq_pairs: 'read array<u32>',
    ratio: 'read_write array<vec2f>',
  },
  params: { sequences: 'u32', pairs: 'u32', mean: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ pairs }) => ({ flops: 2 * pairs, bytes: 24 * pairs }),
});

const reduceKernel = defineKernel({
  name: 'reduce_terms',
  source: reduceSource,
  entry: 'reduce_terms',
  include: ['reduce'],
  bindings: { terms: 'read array<vec2f>', sums: 'read_write array<f32>' },
  params: { pairs: 'u32' },
  constants: { WG },
  workgroup: WG,
  cost: ({ pairs }) => ({ flops: 2 * pairs, bytes: 8 * pairs }),
});

/**
 * The importance ratio of whole completions, as logarithm: ratio [P, 2] f32 (out) holds for each pair of a completion of T
 * pairs Σ_t (logp - oldLogp) and T, or with `mean` that sum divided by T, and 1. logp and oldLogp [P] f32; seqStart [S + 1]
 * and seqPairs [P] u32: the pairs of each completion. The mean is GSPO's (Zheng et al., arXiv 2507.18071) and
 * `importance_sampling_level: sequence` of TRL's GRPOTrainer; the sum is that of TRL's RLOOTrainer.
 */
export function sequenceRatio(
  rec: Recorder,
  t: { logp: Tensor; oldLogp: Tensor; seqStart: Tensor; seqPairs: Tensor; ratio: Tensor },
  o: { sequences: number; pairs: number; mean: boolean },
): void {
  rec.dispatch(
    ratioKernel,
    { logp: t.logp, old_logp: t.oldLogp, seq_start: t.seqStart, seq_pairs: t.seqPairs, ratio: t.ratio },
    { sequences: o.sequences, pairs: o.pairs, mean: o.mean ? 1 : 0 },
    foldGrid(o.sequences),
  );
}

/**
 * The loss of each pair and its gradient. All [P] f32: logp; advantage: the completion's advantage times the token's
 * weight; weight: the token's share in the loss (1 / N_tok, or what the loss type divides by); coef (out): d loss / d logp.
 * terms [P, 2] (out): the loss, and weight · k3, whose sum is the mean divergence where the weights sum to 1.
 *
 * Policy gradient: -advantage · logp (Sinii et al., arXiv 2505.18706). With `oldLogp`, PPO's surrogate (Schulman et al.,
 * arXiv 1707.06347): -min(ρ A, clamp(ρ, 1 - epsilonLow, 1 + epsilonHigh) A) with ρ = exp(logp - oldLogp). With `ratio`
 * [P, 2] from `sequenceRatio` too, ρ is the completion's; a completion's pairs must then share one weight. With `refLogp`,
 * plus beta · weight · k3, k3 = exp(d) - d - 1, d = refLogp - logp, whose gradient goes through logp alone.
 */
export function policyLoss(
  rec: Recorder,
  t: {
    logp: Tensor;
    refLogp?: Tensor | undefined;
    oldLogp?: Tensor | undefined;
    ratio?: Tensor | undefined;
    advantage: Tensor;
    weight: Tensor;
    coef: Tensor;
    terms: Tensor;
  },
  o: { pairs: number; beta: number; epsilonLow?: number; epsilonHigh?: number },
): void {
  const { logp, refLogp, oldLogp, ratio, ...rest } = t;
  rec.dispatch(
    lossKernel,
    { ...rest, logp, ref_logp: refLogp ?? logp, old_logp: oldLogp ?? logp, ratio: ratio ?? logp },
    { pairs: o.pairs, beta: o.beta, ratio_low: 1 - (o.epsilonLow ?? 0.2), ratio_high: 1 + (o.epsilonHigh ?? 0.2) },
    laneGrid(o.pairs, WG),
    { KL: refLogp !== undefined, RATIO: oldLogp !== undefined, SEQUENCE: ratio !== undefined },
  );
}

/** sums [2] = Σ_p terms [P, 2]: loss and divergence, in a fixed order. No pairs give zeros. */
export function reduceTerms(rec: Recorder, t: { terms: Tensor; sums: Tensor }, o: { pairs: number }): void {
  rec.dispatch(reduceKernel, t, o, [1, 1, 1]);
}
