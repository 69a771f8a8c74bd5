import { Tape } from '../autograd/tape.ts';
import { UserError } from '../gpu/errors.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { attentionMap, mapStride } from '../kernels/attention_map.ts';
import type { Model } from '../model/model.ts';
import { uploadSequence } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { forward } from '../model/transformer.ts';
import { checkIds } from './dump.ts';

/** Bytes of probabilities that one tile of queries has at the most. */
const TILE_BYTES = 16 * 2 ** 20;

/**
 * The attention probabilities of one layer over a sequence of T tokens, [H, T, T] row-major: head, query, key. A row adds up to
 * 1 and is 0 behind its own position. Takes 4 H T² bytes on the GPU and as many on the host.
 *
 * @throws UserError for ids that are no sequence of this model, or a layer that it does not have
 */
export async function attentionWeights(
  model: Model,
  ids: readonly number[],
  layer: number,
  steering?: Steering,
): Promise<Float32Array> {
  const { device, config } = model;
  const { num_hidden_layers: layers, num_attention_heads: heads } = config;
  checkIds(ids, config.vocab_size, model.maxPositions);
  if (!Number.isInteger(layer) || layer < 0 || layer >= layers)
    throw new UserError(`layer ${layer} was asked for, and this model has the layers 0 to ${layers - 1}.`);
  const t = ids.length;
  const stride = mapStride(t);
  const most = Math.floor(Math.min(TILE_BYTES, device.arena.largestTensor) / (4 * heads * stride));
  const atOnce = Math.max(1, Math.min(t, most));
  const tiles = await device.arena.guard(async () => {
    const tables = uploadSequence(device, ids);
    const tape = new Tape(device);
    const made: Tensor[] = [];
    const last = forward(tape, model, tables, {
      steering,
      onAttention: (l, seen, layout) => {
        if (l !== layer) return;
        for (let first = 0; first < t; first += atOnce) {
          const rows = Math.min(atOnce, t - first);
          const out = device.arena.alloc([heads, rows, stride], 'f32', 'attention map');
          attentionMap(tape.rec, { ...seen, out }, { ...layout, first, rows, keys: t });
          made.push(out);
        }
      },
    });
    tape.release(last);
    const bytes = await device.readBytes(made);
    for (const tensor of made) device.arena.free(tensor);
    tables.free();
    return bytes.map((tile) => new Float32Array(tile.buffer));
  });

  const weights = new Float32Array(heads * t * t);
  tiles.forEach((tile, i) => {
    const first = i * atOnce;
    const rows = Math.min(atOnce, t - first);
    for (let h = 0; h < heads; h++) {
      for (let r = 0; r < rows; r++) {
        const from = (h * rows + r) * stride;
        weights.set(tile.subarray(from, from + t), (h * t + first + r) * t);
      }
    }
  });
  return weights;
}
