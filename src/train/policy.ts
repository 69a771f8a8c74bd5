import type { SteeringTarget } from '../autograd/tape.ts';
import type { Model } from '../model/model.ts';
import { pack, uploadPacked } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { type ActivationStore, type KeptGroup, keptRows } from './activation_store.ts';
import type { TrainConfig } from './config.ts';
import { keptFirst, type Logps, type MicroBatch, part, type StoredBatch, scatter } from './micro_batch.ts';
import { lossTensors, passOver } from './pass.ts';
import { clipped, type RatioOptions } from './ratio.ts';

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
  readonly lossType: TrainConfig['loss_type'] | 'sum';
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
  /** Whether what the store kept has numbers that its type has not: the gradient is off by more than rounding. */
  readonly beyond: boolean;
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
  let beyond = false;
  const batches = plan(groups, options);
  for (const [i, { batch, store }] of batches.entries()) {
    options.signal?.throwIfAborted();
    options.onMicroBatch?.(i, batches.length);
    const result = await microBatch(model, groups, batch, weights, options, store);
    loss += result.loss;
    kl += result.kl;
    beyond ||= result.beyond;
    scatter(result.logp, result.packed, batch, groups, logp);
    if (result.reference) scatter(result.reference, result.packed, batch, groups, reference);
  }
  const found = options.beta > 0 ? (options.reference ?? reference) : undefined;
  return { loss, kl, clip: clipped(groups, logp, options.ratio), logp, reference: found, beyond };
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
  const packed = pack(batch.map((entry) => part(groups, entry)));
  /** For each pair a number of its completion, or of its token. */
  const perPair = (value: (group: number, completion: number, token: number) => number) =>
    Float32Array.from(packed.pairOrigin, ({ group, completion, token }) => {
      const entry = batch[group] as MicroBatch[number];
      return value(entry.group, entry.completions[completion] as number, token);
    });
  const weight = perPair((g, c) => weights[g]?.[c] as number);
  const advantage = perPair((g, c) => Math.fround(weights[g]?.[c] as number) * (groups[g]?.advantages[c] as number));
  const logpOf = (logps: Logps | undefined) => logps && perPair((g, c, t) => logps[g]?.[c]?.[t] as number);
  const { beta, ratio, target, steering, temperature, recompute, lowest = 0 } = options;
  const values = { advantage, weight, old: logpOf(ratio?.old), reference: logpOf(options.reference) };
  const reference = beta > 0 && !options.reference;

  return device.arena.guard(async () => {
    const tables = uploadPacked(device, packed);
    const loss = lossTensors(device, packed, values, options);
    const kept = store?.source(keptRows(groups, batch, packed.rowOrigin));
    const pass = passOver(model, tables, { target, steering, temperature, recompute, reference, lowest, kept });
    loss.backward(pass);
    const read = [loss.sums, store?.beyond, pass.logp.tensor, pass.reference?.tensor];
    const results = await device.readBytes(read.filter((tensor) => tensor !== undefined));
    const [scalars, mark, rows, referenceRows] = read.map((tensor) => tensor && results.shift());
    pass.tape.release(pass.logp, pass.reference);
    loss.free();
    kept?.dispose();
    tables.free();
    const [sum, kl] = new Float32Array((scalars as Uint8Array).buffer);
    const logp = new Float32Array((rows as Uint8Array).buffer);
    const ofReference = referenceRows && new Float32Array(referenceRows.buffer);
    const beyond = mark?.[0] === 1;
    return { loss: sum as number, kl: kl as number, logp, reference: ofReference, beyond, packed };
  });
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

/** The micro-batches of a pass. Without a KL penalty a completion of zero advantage has no gradient and is left out. */
export function plan(
  groups: readonly PolicyGroup[],
  options: Pick<PolicyOptions, 'beta' | 'maxRows' | 'store'>,
): StoredBatch[] {
  const matters = (group: PolicyGroup, completion: number) =>
    (options.beta > 0 || group.advantages[completion] !== 0) && group.inLoss?.[completion] !== false;
  return keptFirst(groups, options, matters);
}
