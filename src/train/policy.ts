import { type SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { policyLoss, reduceTerms, sequenceRatio } from '../kernels/policy_loss.ts';
import { logProbabilities } from '../model/log_probabilities.ts';
import type { Model } from '../model/model.ts';
import { type Packed, pack, uploadPacked } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { lowerLayers } from '../model/transformer.ts';
import { type ActivationStore, type KeptGroup, keptRows } from './activation_store.ts';
import { type Logps, type MicroBatch, microBatches, part, scatter } from './micro_batch.ts';
import { clipped, type RatioOptions } from './ratio.ts';

export type LossType = 'dapo' | 'grpo' | 'dr_grpo';

/** A prompt's completions with the advantage of each. */
export interface PolicyGroup extends KeptGroup {
  readonly advantages: readonly number[];
  /** False leaves a completion out of the loss (a truncated one that is masked). Default: all are in. */
  readonly inLoss?: readonly boolean[];
}

export interface PolicyOptions {
  readonly steering: Steering;
  readonly target: SteeringTarget;
  readonly temperature: number;
  /** Weight of the k3 estimate of KL(policy || model without vectors). */
  readonly beta: number;
  /** `sum` divides by nothing: the advantages carry the weights. */
  readonly lossType: LossType | 'sum';
  /** What an earlier pass over the same groups found for the model without vectors; it is not run again. */
  readonly reference?: Logps | undefined;
  /** The clipped importance ratio in place of the plain policy gradient. */
  readonly ratio?: RatioOptions | undefined;
  /** For dr_grpo's normaliser. */
  readonly maxCompletionLength: number;
  readonly recompute: 'none' | 'layer';
  /** Layer of the lowest vector: what lies below is computed once for the policy and for the model without vectors. Default 0. */
  readonly lowest?: number | undefined;
  /** What the rollout left under the same vectors: the layers are not run again for completions that are kept in it. */
  readonly store?: ActivationStore | undefined;
  /** Rows of one micro-batch; groups beyond it go to the next, and a larger group is split over its completions. */
  readonly maxRows: number;
  /** Looked at before every micro-batch. */
  readonly signal?: AbortSignal | undefined;
  /** Before every micro-batch: those done, and all. */
  readonly onMicroBatch?: ((done: number, total: number) => void) | undefined;
}

export interface PolicyResult {
  readonly loss: number;
  /** Mean of k3 over the tokens, weighted as the loss is; 0 without `beta`. */
  readonly kl: number;
  /** Shares that the clip cut off, of the tokens or, with a ratio of whole completions, of the completions. */
  readonly clip: { readonly low: number; readonly high: number };
  /** Log-probabilities by group and completion under the vectors as they were; undefined where nothing was computed. */
  readonly logp: Logps;
  /** The same of the model without vectors, where `beta` asks for it. */
  readonly reference: Logps | undefined;
}

/**
 * One pass of the paper's loss, `L = −(1/N_tok) Σ_i A_i Σ_t log π(y_t) (+ β Σ k3 / N_tok)` (arXiv 2505.18706), or with
 * another normaliser (`grpo`, `dr_grpo` as TRL defines them) and PPO's clipped ratio; adds the gradient to `target.grad`.
 * N_tok is fixed before micro-batches are cut and counts completions with zero advantage; those whose gradient is zero
 * anyway are not run.
 */
export async function policyPass(
  model: Model,
  groups: readonly PolicyGroup[],
  options: PolicyOptions,
): Promise<PolicyResult> {
  const weights = tokenWeights(groups, options);
  const none = () => groups.map((group) => group.completions.map(() => undefined as Float32Array | undefined));
  const [logp, reference] = [none(), none()];
  let loss = 0;
  let kl = 0;
  const { store } = options;
  const isKept = (group: PolicyGroup, c: number) => store !== undefined && group.kept?.[c] !== undefined;
  const kept = plan(groups, options, isKept);
  const batches = [...kept, ...plan(groups, options, (group, c) => !isKept(group, c))];
  for (const [i, batch] of batches.entries()) {
    options.signal?.throwIfAborted();
    options.onMicroBatch?.(i, batches.length);
    const result = await microBatch(model, groups, batch, weights, options, i < kept.length ? store : undefined);
    loss += result.loss;
    kl += result.kl;
    scatter(result.logp, result.packed, batch, groups, logp);
    if (result.reference) scatter(result.reference, result.packed, batch, groups, reference);
  }
  const found = options.beta > 0 ? (options.reference ?? reference) : undefined;
  return { loss, kl, clip: clipped(groups, logp, options.ratio), logp, reference: found };
}

async function microBatch(
  model: Model,
  groups: readonly PolicyGroup[],
  batch: MicroBatch,
  weights: readonly (readonly number[])[],
  options: PolicyOptions,
  store: ActivationStore | undefined,
) {
  const { device } = model;
  const { arena } = device;
  const packed = pack(batch.map((entry) => part(groups, entry)));
  const pairs = packed.targets.length;
  /** For each pair a number of its completion, or of its token. */
  const perPair = (value: (group: number, completion: number, token: number) => number) =>
    Float32Array.from(packed.pairOrigin, ({ group, completion, token }) => {
      const entry = batch[group] as MicroBatch[number];
      return value(entry.group, entry.completions[completion] as number, token);
    });
  const weight = perPair((g, c) => weights[g]?.[c] as number);
  const advantage = perPair((g, c) => Math.fround(weights[g]?.[c] as number) * (groups[g]?.advantages[c] as number));
  const old = options.ratio?.old;

  return arena.guard(async () => {
    const tables = uploadPacked(device, packed);
    const inputs = {
      advantage: device.upload(advantage, [pairs], 'f32', 'advantages'),
      weight: device.upload(weight, [pairs], 'f32', 'token weights'),
    };
    const uploadLogps = (logps: Logps, label: string) =>
      device.upload(
        perPair((g, c, t) => logps[g]?.[c]?.[t] as number),
        [pairs],
        'f32',
        label,
      );
    const oldLogp = old && uploadLogps(old, 'old logp');
    const terms = arena.alloc([pairs, 2], 'f32', 'loss terms');
    const sums = arena.alloc([2], 'f32', 'loss sums');
    const { temperature, recompute, steering, beta, lowest = 0 } = options;
    // The reference is the model without vectors, and nothing of it is differentiated.
    const plain = new Tape(device);
    const kept = store?.source(keptRows(groups, batch));
    const runs = beta > 0 && !options.reference;
    const lower = runs ? (kept?.lower(plain) ?? lowerLayers(plain, model, tables, lowest)) : undefined;
    const reference = lower
      ? logProbabilities(plain, model, tables, { temperature, lower })
      : options.reference && plain.adopt(uploadLogps(options.reference, 'reference logp'), false);

    const tape = new Tape(device, options.target);
    const logp = logProbabilities(tape, model, tables, { temperature, recompute, steering, kept, lower });
    plain.release(lower?.residMid, lower?.mlpOut);
    const coef = arena.alloc([pairs], 'f32', 'd logp');
    const ratio = options.ratio && ratioTensors(tape, packed, logp.tensor, oldLogp ?? logp.tensor, options.ratio);
    policyLoss(
      tape.rec,
      {
        logp: logp.tensor,
        ...inputs,
        coef,
        terms,
        ...(reference && { refLogp: reference.tensor }),
        ...(ratio && { oldLogp: oldLogp ?? logp.tensor, ratio: ratio.ofSequence }),
      },
      { pairs, beta, ...(options.ratio && { ...options.ratio }) },
    );
    reduceTerms(tape.rec, { terms, sums }, { pairs });
    tape.backward(logp, { tensor: coef, references: 1 });
    const read = [sums, logp.tensor, ...(lower && reference ? [reference.tensor] : [])];
    const [scalars, rows, referenceRows] = await device.readBytes(read);
    tape.release(logp, reference);
    for (const tensor of [...Object.values(inputs), ...(oldLogp ? [oldLogp] : []), terms, sums]) arena.free(tensor);
    ratio?.free();
    kept?.dispose();
    tables.free();
    const [loss, kl] = new Float32Array((scalars as Uint8Array).buffer);
    const values = new Float32Array((rows as Uint8Array).buffer);
    const ofReference = referenceRows && new Float32Array(referenceRows.buffer);
    return { loss: loss as number, kl: kl as number, logp: values, reference: ofReference, packed };
  });
}

/** The log-ratios of whole completions, [P, 2], where the ratio is taken over them. */
function ratioTensors(tape: Tape, packed: Packed, logp: Tensor, oldLogp: Tensor, { level }: RatioOptions) {
  if (level === 'token') return { ofSequence: undefined, free: () => undefined };
  const { device, rec } = tape;
  const { seqStart, seqPairs } = completionPairs(packed);
  const pairs = packed.targets.length;
  const sequences = seqStart.length - 1;
  const tables = {
    seqStart: device.upload(seqStart, [seqStart.length], 'u32', 'completion starts'),
    seqPairs: device.upload(seqPairs, [pairs], 'u32', 'completion pairs'),
  };
  const ratio = device.arena.alloc([pairs, 2], 'f32', 'sequence ratio');
  sequenceRatio(rec, { logp, oldLogp, ...tables, ratio }, { sequences, pairs, mean: level === 'sequence' });
  const free = () => {
    for (const tensor of [...Object.values(tables), ratio]) device.arena.free(tensor);
  };
  return { ofSequence: ratio, free };
}

/** Where each completion's pairs are: seqPairs [P] from seqStart[s] to seqStart[s + 1]. */
function completionPairs(packed: Packed): { seqStart: Uint32Array; seqPairs: Uint32Array } {
  const lists = new Map<string, number[]>();
  packed.pairOrigin.forEach(({ group, completion }, pair) => {
    const key = `${group} ${completion}`;
    const list = lists.get(key);
    if (list) list.push(pair);
    else lists.set(key, [pair]);
  });
  const starts = [0];
  for (const list of lists.values()) starts.push((starts.at(-1) as number) + list.length);
  return { seqStart: Uint32Array.from(starts), seqPairs: Uint32Array.from([...lists.values()].flat()) };
}

/** The weight of each completion's tokens in the loss. */
function tokenWeights(groups: readonly PolicyGroup[], options: PolicyOptions): number[][] {
  const counted = groups.map((g) => g.completions.map((c, i) => (g.inLoss?.[i] === false ? 0 : c.length)));
  const sequences = counted.flat().length;
  const tokens = counted.flat().reduce((a, b) => a + b, 0);
  return counted.map((lengths) =>
    lengths.map((length) => {
      if (length === 0) return 0;
      if (options.lossType === 'sum') return 1;
      if (options.lossType === 'grpo') return 1 / (length * sequences);
      if (options.lossType === 'dr_grpo') return 1 / (sequences * options.maxCompletionLength);
      return 1 / tokens;
    }),
  );
}

/**
 * The micro-batches of a pass. Without a KL penalty a completion of zero advantage has no gradient and is left out.
 *
 * @param wanted leaves out further completions
 */
export function plan(
  groups: readonly PolicyGroup[],
  options: Pick<PolicyOptions, 'beta' | 'maxRows'>,
  wanted: (group: PolicyGroup, completion: number) => boolean = () => true,
): MicroBatch[] {
  const matters = (group: PolicyGroup, completion: number) =>
    (options.beta > 0 || group.advantages[completion] !== 0) &&
    group.inLoss?.[completion] !== false &&
    wanted(group, completion);
  return microBatches(groups, options.maxRows, matters);
}
