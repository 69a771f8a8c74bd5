import * as ops from '../autograd/ops.ts';
import { Tape } from '../autograd/tape.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { gatherRows } from '../kernels/rows.ts';
import type { Model } from '../model/model.ts';
import { type PackedTables, uploadSequence } from '../model/packing.ts';
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
  return device.arena.guard(async () => {
    const tables = uploadSequence(device, ids);
    const rows = device.upload(Uint32Array.from(positions), [positions.length], 'u32', 'positions');
    const states = residualStates(model, tables, steering, rows);
    const bytes = await device.readBytes(states);
    for (const tensor of [...states, rows]) device.arena.free(tensor);
    tables.free();
    return bytes.map((state) => new Float32Array(state.buffer, 0, positions.length * model.config.hidden_size));
  });
}

/**
 * The same on the GPU, recorded and not yet read: `resid_pre` of layer 0, then every `resid_post`, L + 1 tensors that the caller
 * frees. [T, C] each, or [P, C] where `rows` [P] names some.
 */
export function residualStates(model: Model, tables: PackedTables, steering?: Steering, rows?: Tensor): Tensor[] {
  const { device, config } = model;
  const c = config.hidden_size;
  const tape = new Tape(device);
  const kept: Tensor[] = [];
  const keep = (name: string, inp: Tensor) => {
    const r = rows?.shape[0] ?? tables.n;
    const out = device.arena.alloc([r, c], 'f32', name); // [T, C] or [P, C]
    if (rows) gatherRows(tape.rec, { inp, rows, out }, { r, c });
    else tape.rec.copy(inp, out);
    kept.push(out);
  };
  const embedded = ops.embedding(tape, tables.ids, model.embed_tokens, tables.n);
  keep('resid_pre', embedded.tensor);
  const last = forward(tape, model, tables, {
    steering,
    onResidPost: (layer, resid) => keep(`resid_post.${layer}`, resid),
  });
  tape.release(embedded, last);
  return kept;
}
