import * as ops from '../autograd/ops.ts';
import type { Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Model } from './model.ts';
import type { PackedTables } from './packing.ts';
import type { Steering } from './steering.ts';
import { finalNorm, forward } from './transformer.ts';

/** Tokens of the vocabulary in one tile of the head. Fixed, so that the order of summation does not depend on the batch. */
export const HEAD_TILE = 8192;

/** Log-probabilities of all pairs' targets at a temperature, [P]; differentiable where the tape has a target. */
export function logProbabilities(
  tape: Tape,
  model: Model,
  tables: PackedTables,
  options: { temperature: number; recompute?: 'none' | 'layer'; steering?: Steering | undefined },
): Value {
  const { steering, recompute = 'none', temperature } = options;
  const resid = forward(tape, model, tables, { steering, recompute });
  const hidden = finalNorm(tape, model, resid, tables.headRows, tables.pairs.rows);
  tape.release(resid);
  const { logp, entropy } = ops.head(tape, hidden, model.lm_head, tables.pairs, temperature, HEAD_TILE);
  tape.release(hidden, entropy);
  return logp;
}
