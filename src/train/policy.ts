import { type SteeringTarget, Tape } from '../autograd/tape.ts';
import { policyLoss, reduceTerms } from '../kernels/policy_loss.ts';
import { logProbabilities } from '../model/log_probabilities.ts';
import type { Model } from '../model/model.ts';
import { type Group, type Packed, pack, uploadPacked } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';

export type LossType = 'dapo' | 'grpo' | 'dr_grpo';

/** A prompt's completions with the advantage of each. */
export interface PolicyGroup extends Group {
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
  readonly lossType: LossType;
  /** For dr_grpo's normaliser. */
  readonly maxCompletionLength: number;
  readonly recompute: 'none' | 'layer';
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
  /** Log-probabilities by group and completion under the vectors as they were; undefined where nothing was computed. */
  readonly logp: readonly (readonly (Float32Array | undefined)[])[];
}

/**
 * One pass of the paper's loss, `L = −(1/N_tok) Σ_i A_i Σ_t log π(y_t) (+ β Σ k3 / N_tok)` (arXiv 2505.18706), or with
 * another normaliser (`grpo`, `dr_grpo` as TRL defines them); adds the gradient to `target.grad`. N_tok is fixed before
 * micro-batches are cut and counts completions with zero advantage; those whose gradient is zero anyway are not run.
 */
export async function policyPass(
  model: Model,
  groups: readonly PolicyGroup[],
  options: PolicyOptions,
): Promise<PolicyResult> {
  const weights = tokenWeights(groups, options);
  const logp = groups.map((group) => group.completions.map(() => undefined as Float32Array | undefined));
  let loss = 0;
  let kl = 0;
  const batches = plan(groups, options);
  for (const [i, batch] of batches.entries()) {
    options.signal?.throwIfAborted();
    options.onMicroBatch?.(i, batches.length);
    const packed = pack(batch.map(({ group, completions }) => part(groups[group] as PolicyGroup, completions)));
    const origin = packed.pairOrigin.map(({ group, completion, token }) => {
      const entry = batch[group] as Part;
      return { group: entry.group, completion: entry.completions[completion] as number, token };
    });
    const weight = Float32Array.from(origin, (o) => weights[o.group]?.[o.completion] as number);
    const advantage = Float32Array.from(
      origin,
      (o, i) => (weight[i] as number) * (groups[o.group]?.advantages[o.completion] as number),
    );
    const result = await microBatch(model, packed, advantage, weight, options);
    loss += result.loss;
    kl += result.kl;
    origin.forEach((o, i) => {
      const rows = logp[o.group] as (Float32Array | undefined)[];
      rows[o.completion] ??= new Float32Array(groups[o.group]?.completions[o.completion]?.length ?? 0);
      (rows[o.completion] as Float32Array)[o.token] = result.logp[i] as number;
    });
  }
  return { loss, kl, logp };
}

async function microBatch(
  model: Model,
  packed: Packed,
  advantage: Float32Array,
  weight: Float32Array,
  options: PolicyOptions,
) {
  const { device } = model;
  const { arena } = device;
  return arena.guard(async () => {
    const tables = uploadPacked(device, packed);
    const pairs = packed.targets.length;
    const inputs = {
      advantage: device.upload(advantage, [pairs], 'f32', 'advantages'),
      weight: device.upload(weight, [pairs], 'f32', 'token weights'),
    };
    const terms = arena.alloc([pairs, 2], 'f32', 'loss terms');
    const sums = arena.alloc([2], 'f32', 'loss sums');
    const { temperature, recompute, steering, beta } = options;
    // The reference is the model without vectors, and nothing of it is differentiated.
    const reference = beta > 0 ? logProbabilities(new Tape(device), model, tables, { temperature }) : undefined;

    const tape = new Tape(device, options.target);
    const logp = logProbabilities(tape, model, tables, { temperature, recompute, steering });
    const coef = arena.alloc([pairs], 'f32', 'd logp');
    policyLoss(
      tape.rec,
      { logp: logp.tensor, ...inputs, coef, terms, ...(reference && { refLogp: reference.tensor }) },
      { pairs, beta },
    );
    reduceTerms(tape.rec, { terms, sums }, { pairs });
    tape.backward(logp, { tensor: coef, references: 1 });
    const [scalars, rows] = await device.readBytes([sums, logp.tensor]);
    tape.release(logp, reference);
    for (const tensor of [...Object.values(inputs), terms, sums]) arena.free(tensor);
    tables.free();
    const [loss, kl] = new Float32Array((scalars as Uint8Array).buffer);
    return { loss: loss as number, kl: kl as number, logp: new Float32Array((rows as Uint8Array).buffer) };
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
      if (options.lossType === 'grpo') return 1 / (length * sequences);
      if (options.lossType === 'dr_grpo') return 1 / (sequences * options.maxCompletionLength);
      return 1 / tokens;
    }),
  );
}

/** Some completions of one group. */
interface Part {
  readonly group: number;
  readonly completions: readonly number[];
}

function part(group: PolicyGroup, completions: readonly number[]): Group {
  return { prompt: group.prompt, completions: completions.map((c) => group.completions[c] as readonly number[]) };
}

/**
 * Cuts the groups into micro-batches of at most `maxRows` rows. Without a KL penalty a completion of zero advantage has
 * no gradient and is left out. A group that does not fit is split, each part computing the prompt again.
 */
export function plan(groups: readonly PolicyGroup[], options: Pick<PolicyOptions, 'beta' | 'maxRows'>): Part[][] {
  const batches: Part[][] = [];
  let room = 0;
  groups.forEach((group, g) => {
    const wanted = group.completions.flatMap((ids, c) => {
      const matters = options.beta > 0 || group.advantages[c] !== 0;
      return ids.length > 0 && matters && group.inLoss?.[c] !== false ? [c] : [];
    });
    for (let from = 0; from < wanted.length; ) {
      let to = from;
      let rows = group.prompt.length;
      const fits = () =>
        rows + Math.max(0, (group.completions[wanted[to] as number]?.length ?? 0) - 1) <= options.maxRows;
      while (to < wanted.length && (to === from || fits())) {
        rows += Math.max(0, (group.completions[wanted[to] as number]?.length ?? 0) - 1);
        to++;
      }
      if (rows > room || batches.length === 0) {
        batches.push([]);
        room = options.maxRows;
      }
      batches.at(-1)?.push({ group: g, completions: wanted.slice(from, to) });
      room -= rows;
      from = to;
    }
  });
  return batches;
}
