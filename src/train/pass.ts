/** A training pass over one micro-batch: what the policy loss, the memory plan's rehearsal and the calibration run. */
import { type SteeringTarget, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { policyLoss, reduceTerms, sequenceRatio } from '../kernels/policy_loss.ts';
import { logProbabilities } from '../model/log_probabilities.ts';
import type { Model } from '../model/model.ts';
import type { Packed, PackedTables } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { lowerLayers } from '../model/transformer.ts';
import type { KeptSource } from './activation_store.ts';
import type { RatioOptions } from './ratio.ts';

interface PassOptions {
  /** Absent: nothing is differentiated. */
  readonly target: SteeringTarget | undefined;
  readonly steering: Steering;
  readonly temperature: number;
  readonly recompute: 'none' | 'layer';
  /** Whether the model without vectors is run too. Nothing of it is differentiated. */
  readonly reference: boolean;
  /** Layer of the lowest vector: what lies below is computed once for both. */
  readonly lowest: number;
  /** The layers' activations under the same vectors; the caller's. */
  readonly kept: KeptSource | undefined;
}

/** Log-probabilities of the pairs' targets, [P], on the tape that `lossTensors` goes back over, and those of the reference. */
export interface Pass {
  readonly tape: Tape;
  readonly logp: Value;
  readonly reference: Value | undefined;
}

/** The forward half of a pass. */
export function passOver(model: Model, tables: PackedTables, o: PassOptions): Pass {
  const { temperature, recompute, steering, kept } = o;
  const plain = new Tape(model.device);
  const lower = o.reference ? (kept?.lower(plain) ?? lowerLayers(plain, model, tables, o.lowest)) : undefined;
  const reference = lower && logProbabilities(plain, model, tables, { temperature, lower });
  const tape = new Tape(model.device, o.target);
  const logp = logProbabilities(tape, model, tables, { temperature, recompute, steering, kept, lower });
  plain.release(lower?.residMid, lower?.mlpOut);
  return { tape, logp, reference };
}

/** What the loss reads of each pair, [P] each. */
interface PairValues {
  readonly advantage: Float32Array;
  readonly weight: Float32Array;
  /** Log-probabilities before the first update of the rollout. */
  readonly old?: Float32Array | undefined;
  /** Log-probabilities of the model without vectors, where no pass runs it. */
  readonly reference?: Float32Array | undefined;
}

interface PairLoss {
  /** [2] f32: loss and divergence. */
  readonly sums: Tensor;
  /** The loss of the pass, and its gradient into the tape's target. */
  backward(pass: Pass): void;
  free(): void;
}

/** The loss over a micro-batch's pairs with all that it takes on the device, ready for a pass to go back from. */
export function lossTensors(
  device: Device,
  packed: Packed,
  values: PairValues,
  { beta, ratio }: { readonly beta: number; readonly ratio?: Omit<RatioOptions, 'old'> | undefined },
): PairLoss {
  const { arena } = device;
  const pairs = packed.targets.length;
  const made: Tensor[] = [];
  const own = (tensor: Tensor) => {
    made.push(tensor);
    return tensor;
  };
  const upload = (data: Float32Array, label: string) => own(device.upload(data, [pairs], 'f32', label));
  const inputs = {
    advantage: upload(values.advantage, 'advantages'),
    weight: upload(values.weight, 'token weights'),
  };
  const old = values.old && upload(values.old, 'old logp');
  const given = values.reference && upload(values.reference, 'reference logp');
  const terms = own(arena.alloc([pairs, 2], 'f32', 'loss terms'));
  const sums = own(arena.alloc([2], 'f32', 'loss sums'));
  const ofSequence = ratio && ratio.level !== 'token' ? sequenceTensors(device, packed, own) : undefined;
  return {
    sums,
    backward({ tape, logp, reference }) {
      const coef = arena.alloc([pairs], 'f32', 'd logp');
      const oldLogp = old ?? logp.tensor;
      if (ofSequence) {
        const { sequences, ...tensors } = ofSequence;
        const options = { sequences, pairs, mean: ratio?.level === 'sequence' };
        sequenceRatio(tape.rec, { logp: logp.tensor, oldLogp, ...tensors }, options);
      }
      policyLoss(
        tape.rec,
        {
          logp: logp.tensor,
          ...inputs,
          coef,
          terms,
          refLogp: reference?.tensor ?? given,
          ...(ratio && { oldLogp, ratio: ofSequence?.ratio }),
        },
        { pairs, beta, ...ratio },
      );
      reduceTerms(tape.rec, { terms, sums }, { pairs });
      tape.backward(logp, { tensor: coef, references: 1 });
    },
    free() {
      for (const tensor of made) arena.free(tensor);
    },
  };
}

/** The log-ratios of whole completions, [P, 2], and where each one's pairs are: seqPairs [P] from seqStart[s] to seqStart[s + 1]. */
function sequenceTensors(device: Device, packed: Packed, own: (tensor: Tensor) => Tensor) {
  const lists = new Map<string, number[]>();
  packed.pairOrigin.forEach(({ group, completion }, pair) => {
    const key = `${group} ${completion}`;
    const list = lists.get(key);
    if (list) list.push(pair);
    else lists.set(key, [pair]);
  });
  const starts = [0];
  for (const list of lists.values()) starts.push((starts.at(-1) as number) + list.length);
  const up = (data: number[], label: string) => own(device.upload(Uint32Array.from(data), [data.length], 'u32', label));
  return {
    sequences: lists.size,
    seqStart: up(starts, 'completion starts'),
    seqPairs: up([...lists.values()].flat(), 'completion pairs'),
    ratio: own(device.arena.alloc([packed.targets.length, 2], 'f32', 'sequence ratio')),
  };
}
