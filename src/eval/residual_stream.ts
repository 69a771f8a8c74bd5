import * as ops from '../autograd/ops.ts';
import { Tape } from '../autograd/tape.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { gatherRows } from '../kernels/rows.ts';
import type { Model } from '../model/model.ts';
import { packSequence, uploadPacked } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { forward } from '../model/transformer.ts';

/**
 * The residual stream at some tokens of one sequence, without the head: `resid_pre` of layer 0 (the embedding), then every
 * `resid_post`, after the vector was added. L + 1 arrays of [P, C].
 *
 * @param ids at least one, all of the vocabulary, no more than the context holds
 * @param positions P of them, from 0
 */
export async function residualStream(
  model: Model,
  ids: readonly number[],
  positions: readonly number[],
  steering?: Steering,
): Promise<Float32Array[]> {
  const { device } = model;
  const c = model.config.hidden_size;
  const r = positions.length;
  return device.arena.guard(async () => {
    // A closing token that is never run gives the last one a row of its own.
    const tables = uploadPacked(device, packSequence([...ids, 0]));
    const rows = device.upload(Uint32Array.from(positions), [r], 'u32', 'positions');
    const wanted = device.upload(
      Uint32Array.from(positions, (at) => ids[at] as number),
      [r],
      'u32',
      'ids',
    );
    const tape = new Tape(device);
    const embedded = ops.embedding(tape, wanted, model.embed_tokens, r);
    const kept: Tensor[] = [];
    const last = forward(tape, model, tables, {
      steering,
      onResidPost: (l, resid) => {
        const out = device.arena.alloc([r, c], 'f32', `resid_post.${l}`); // [P, C]
        gatherRows(tape.rec, { inp: resid, rows, out }, { r, c });
        kept.push(out);
      },
    });
    const bytes = await device.readBytes([embedded.tensor, ...kept]);
    tape.release(embedded, last);
    for (const tensor of [...kept, wanted, rows]) device.arena.free(tensor);
    tables.free();
    return bytes.map((state) => new Float32Array(state.buffer, 0, r * c));
  });
}
