import { Tape } from '../autograd/tape.ts';
import { logProbabilities } from '../model/log_probabilities.ts';
import type { Model } from '../model/model.ts';
import { pack, uploadPacked } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { type ActivationStore, type KeptGroup, keptRows } from './activation_store.ts';
import { keptFirst, type Logps, part, scatter } from './micro_batch.ts';

/**
 * Log-probabilities of every completion's tokens, forward only; without `steering` those of the frozen model. Of completions that
 * `store` keeps, under the same vectors, the layers are not run again; for the frozen model not those below the lowest vector.
 */
export async function sequenceLogps(
  model: Model,
  groups: readonly KeptGroup[],
  options: {
    readonly temperature: number;
    readonly steering?: Steering | undefined;
    readonly store?: ActivationStore | undefined;
    readonly maxRows: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Logps> {
  const { device } = model;
  const { temperature, steering } = options;
  const out = groups.map((group) => group.completions.map(() => undefined as Float32Array | undefined));
  for (const { batch, store } of keptFirst(groups, options)) {
    options.signal?.throwIfAborted();
    const packed = pack(batch.map((entry) => part(groups, entry)));
    await device.arena.guard(async () => {
      const tables = uploadPacked(device, packed);
      const tape = new Tape(device);
      const source = store?.source(keptRows(groups, batch, packed.rowOrigin));
      const resid = steering && source?.resid(tape);
      const lower = steering ? undefined : source?.lower(tape);
      const logp = logProbabilities(tape, model, tables, { temperature, steering, lower, resid });
      const values = await device.read(logp.tensor);
      tape.release(logp, resid, lower?.residMid, lower?.mlpOut);
      source?.dispose();
      tables.free();
      scatter(values, packed, batch, groups, out);
    });
  }
  return out;
}

/** Sum over a completion's tokens; 0 for an empty one. */
export function sumOf(logp: Float32Array | undefined): number {
  return (logp ?? new Float32Array()).reduce((a, b) => a + b, 0);
}
