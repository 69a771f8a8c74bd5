import { Tape } from '../autograd/tape.ts';
import { logProbabilities } from '../model/log_probabilities.ts';
import type { Model } from '../model/model.ts';
import { type Group, pack, uploadPacked } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { type Logps, microBatches, part, scatter } from './micro_batch.ts';

/** Log-probabilities of every completion's tokens, forward only; without `steering` those of the frozen model. */
export async function sequenceLogps(
  model: Model,
  groups: readonly Group[],
  options: {
    readonly temperature: number;
    readonly steering?: Steering | undefined;
    readonly maxRows: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Logps> {
  const { device } = model;
  const { temperature, steering } = options;
  const out = groups.map((group) => group.completions.map(() => undefined as Float32Array | undefined));
  for (const batch of microBatches(groups, options.maxRows)) {
    options.signal?.throwIfAborted();
    const packed = pack(batch.map((entry) => part(groups, entry)));
    await device.arena.guard(async () => {
      const tables = uploadPacked(device, packed);
      const tape = new Tape(device);
      const logp = logProbabilities(tape, model, tables, { temperature, steering });
      const values = await device.read(logp.tensor);
      tape.release(logp);
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
