import * as ops from '../autograd/ops.ts';
import type { ActivationSource, Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Model } from './model.ts';
import type { PackedTables } from './packing.ts';
import type { Steering } from './steering.ts';
import { finalNorm, forward, type LowerLayers } from './transformer.ts';

/** Tokens of the vocabulary in one tile of the head. Fixed, so that the order of summation does not depend on the batch. */
export const HEAD_TILE = 8192;

interface LogProbabilityOptions {
  readonly temperature: number;
  readonly recompute?: 'none' | 'layer';
  readonly steering?: Steering | undefined;
  /** What another pass over the same rows computed already. */
  readonly lower?: LowerLayers | undefined;
  /** The layers' activations under the same vectors, of these rows: only the head is computed, and no layer again. */
  readonly kept?: ActivationSource | undefined;
  /** The residual stream after the last layer, of these rows, where no gradient is wanted. */
  readonly resid?: Value | undefined;
}

/** Log-probabilities of all pairs' targets at a temperature, [P]; differentiable where the tape has a target. */
export function logProbabilities(
  tape: Tape,
  model: Model,
  tables: PackedTables,
  options: LogProbabilityOptions,
): Value {
  const { steering, recompute = 'none', temperature, kept, lower } = options;
  const resid = options.resid
    ? tape.retain(options.resid)
    : kept
      ? tape.replay(kept, () => forward(tape, model, tables, { steering }))
      : forward(tape, model, tables, { steering, recompute, lower });
  const hidden = finalNorm(tape, model, resid, tables.headRows, tables.pairs.rows);
  tape.release(resid);
  const { logp, entropy } = ops.head(tape, hidden, model.lm_head, tables.pairs, temperature, HEAD_TILE);
  tape.release(hidden, entropy);
  return logp;
}
